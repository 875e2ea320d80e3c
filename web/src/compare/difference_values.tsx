import { useEffect, useRef } from "preact/hooks";
import { barColours } from "../activations/bar_colours.ts";
import type { Kind } from "../activations/kind.ts";
import { drawProfile } from "../activations/profile.ts";
import type { Tensors } from "../activations/tensors.ts";
import { isDark } from "../app/theme.ts";
import { text } from "../text/text.ts";
import { px } from "../ui/px.ts";
import { useWidth } from "../ui/width.ts";
import { Canvas } from "./canvas.tsx";
import { ColourScale } from "./colour_scale.tsx";

const HEIGHT = 72;

interface Props {
  readonly address: string;
  readonly shape: readonly number[];
  readonly tensors: Tensors;
  readonly most: number;
  readonly kind: Exclude<Kind, { kind: "maps" }>;
}

/** a − b of a vector as bars, of a sequence as a picture: steps to the right, channels downwards. */
export function DifferenceValues({ address, shape, tensors, most, kind }: Props) {
  const [element, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const values = tensors.values(address, shape);
  const colours = barColours("balance", isDark.value);
  useEffect(() => {
    if (kind.kind === "vector" && values !== undefined && canvas.current !== null && width > 0) {
      drawProfile(canvas.current, values, width, HEIGHT, colours);
    }
  }, [values, width, ...colours]);
  return (
    <div ref={element} role="img" aria-label={text.value.compare.maps(address)}>
      <ColourScale most={most} />
      {kind.kind === "vector" ? (
        <canvas ref={canvas} class="difference-values" style={{ height: px(HEIGHT) }} />
      ) : (
        <Canvas view={sequence(values, kind)} most={most} height={HEIGHT} className="difference-values" />
      )}
    </div>
  );
}

function sequence(data: ReturnType<Tensors["values"]>, { steps, channels }: Extract<Kind, { kind: "sequence" }>) {
  if (data === undefined) return undefined;
  return { data, first: 0, rowStride: 1, stride: channels, height: channels, width: steps, step: 1 };
}
