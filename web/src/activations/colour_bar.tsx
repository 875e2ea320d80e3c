import "./colour_bar.css";
import { useEffect, useRef } from "preact/hooks";
import { isDark } from "../app/theme.ts";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { tableOf } from "./colours.ts";
import { drawMap } from "./draw.ts";
import { type Range, spanOf } from "./span.ts";
import { colours, span } from "./view_options.ts";

const STEPS = 128;

/** What the colours of a layer's maps stand for. */
export function ColourBar({ range }: { readonly range: Range }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = isDark.value;
  useEffect(() => {
    const data = Float32Array.from({ length: STEPS }, (_, at) => at);
    const view = { data, first: 0, rowStride: STEPS, stride: 1, height: 1, width: STEPS, step: 1 };
    if (canvas.current !== null) drawMap(canvas.current, view, [0, STEPS - 1], tableOf(colours.value, dark));
  }, [colours.value, dark]);
  const [low, high] = spanOf(span.value, range, () => range);
  const isOwn = span.value === "map";
  return (
    <div class="colour-bar">
      <span>{isOwn ? text.value.activations.min : figure(low)}</span>
      <canvas ref={canvas} />
      <span>{isOwn ? text.value.activations.max : figure(high)}</span>
    </div>
  );
}
