import { kindOf } from "../activations/kind.ts";
import { type LayerRow, rows, run } from "../activations/run.ts";
import { Sequence } from "../activations/sequence.tsx";
import { Vector } from "../activations/vector.tsx";
import { ReadOutline } from "../detail/read_outline.tsx";
import { DrawPad } from "./draw_pad.tsx";
import type { Drawing } from "./drawing.ts";
import type { InputProps } from "./input_section.tsx";
import { takesPictures } from "./samples.ts";
import { SeenPicture } from "./seen_picture.tsx";

interface Props extends InputProps {
  readonly drawing: Drawing;
  /** Whether it can be drawn on. */
  readonly isPad: boolean;
}

/** The input as the network sees it, with the part that the selected value is computed from; a pad to draw on. */
export function SeenInput({ name, spec, drawing, isPad }: Props) {
  const row = rows.value.get(name);
  const isPicture = takesPictures(spec);
  const seen = <Seen name={name} isPicture={isPicture} />;
  return (
    <div class="input-seen">
      {isPad ? (
        <DrawPad name={name} drawing={drawing}>
          {seen}
        </DrawPad>
      ) : (
        seen
      )}
      {isPicture && row !== undefined && <SeenOutline row={row} />}
    </div>
  );
}

/** The part of the picture that the selected value is computed from. */
function SeenOutline({ row: { address, shape } }: { readonly row: LayerRow }) {
  const [, height = 1, width = 1] = shape;
  return (
    <span class="input-outline" style={{ aspectRatio: `${width} / ${height}` }}>
      <ReadOutline address={address} shape={shape} unit={0} />
    </span>
  );
}

/** The input as the network sees it. */
function Seen({ name, isPicture }: { readonly name: string; readonly isPicture: boolean }) {
  const row = rows.value.get(name);
  const tensors = run.value.value?.tensors;
  if (row === undefined || tensors === undefined) return null;
  if (isPicture) return <SeenPicture row={row} tensors={tensors} />;
  const kind = kindOf(row.shape);
  return kind.kind === "sequence" ? <Sequence {...{ row, tensors, kind }} /> : <Vector row={row} tensors={tensors} />;
}
