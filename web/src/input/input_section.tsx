import "./input_section.css";
import { useState } from "preact/hooks";
import { kindOf } from "../activations/kind.ts";
import { type LayerRow, rows, run } from "../activations/run.ts";
import { Sequence } from "../activations/sequence.tsx";
import { Statistics } from "../activations/statistics.tsx";
import { Vector } from "../activations/vector.tsx";
import { ReadOutline } from "../detail/read_outline.tsx";
import { shape } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { type InputSource, isShareable } from "./address.ts";
import { CameraButton } from "./camera.tsx";
import { DrawPad } from "./draw_pad.tsx";
import { FileButton } from "./file_button.tsx";
import { NumbersButton } from "./numbers.tsx";
import { SampleChoice } from "./sample_choice.tsx";
import { type InputSpec, takesDigits, takesPictures } from "./samples.ts";
import { Scaling } from "./scaling.tsx";
import { SeenPicture } from "./seen_picture.tsx";

export interface InputProps {
  readonly name: string;
  readonly spec: InputSpec;
  readonly source: InputSource;
  readonly onChoose: (source: InputSource) => void;
}

/** One input of the network: what it is, how the network sees it, and what could be in its place. */
export function InputSection(props: InputProps) {
  const { name, spec, source, onChoose } = props;
  const [isPad, setPad] = useState(false);
  const words = text.value.input;
  const row = rows.value.get(name);
  const isPicture = takesPictures(spec);
  const canDraw = isPicture && (takesDigits(spec) || isPad);
  const invitation = takesDigits(spec)
    ? words.invitation
    : isPicture
      ? words.invitationPicture
      : words.invitationNumbers;
  return (
    <section class="input" aria-label={`${words.title}: ${name}`}>
      <header class="input-head">
        <span class="input-node" />
        <h3>{name}</h3>
        <p class="quiet">
          {shape(row?.shape ?? spec.shape)} · {row?.dtype ?? spec.dtype}
        </p>
        <Statistics stats={row?.stats} />
      </header>
      <div class={`input-body${isPicture ? " is-picture" : ""}`}>
        <div class="input-seen">
          {canDraw ? (
            <DrawPad
              name={name}
              isDrawn={source.kind === "picture" && source.isDrawn === true}
              onDraw={(base64) => onChoose({ kind: "picture", base64, isDrawn: true })}
            >
              <Seen name={name} isPicture={isPicture} />
            </DrawPad>
          ) : (
            <Seen name={name} isPicture={isPicture} />
          )}
          {isPicture && row !== undefined && <SeenOutline row={row} />}
        </div>
        <div class="input-choice">
          <p class="input-invitation">{invitation}</p>
          <SampleChoice {...props} />
          <div class="input-buttons">
            <FileButton onChoose={onChoose} />
            {isPicture && !takesDigits(spec) && (
              <Button isOn={isPad} onClick={() => setPad(!isPad)}>
                {words.draw}
              </Button>
            )}
            {isPicture && <CameraButton onChoose={onChoose} />}
            <NumbersButton {...props} />
          </div>
          {isPicture && <Scaling name={name} spec={spec} />}
          {!isShareable(source) && <p class="input-note quiet">{words.tooLargeForLink}</p>}
        </div>
      </div>
    </section>
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
