import "./unit_bars.css";
import { useEffect, useRef } from "preact/hooks";
import { barColours } from "../activations/bar_colours.ts";
import { nameOf } from "../activations/names.ts";
import { drawProfile } from "../activations/profile.ts";
import { rows } from "../activations/run.ts";
import { largest } from "../activations/span.ts";
import { isDark } from "../app/theme.ts";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { px } from "../ui/px.ts";
import { useWidth } from "../ui/width.ts";

const HEIGHT = 96;
const TOP = 8;

interface Props {
  readonly address: string;
  readonly values: Float32Array;
}

/** An explanation that has a value for each unit or channel: all of them, and the largest by name. */
export function UnitBars({ address, values }: Props) {
  const [element, width] = useWidth<HTMLElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = barColours("balance", isDark.value);
  useEffect(() => {
    if (canvas.current !== null && width > 0) drawProfile(canvas.current, values, width, HEIGHT, colours);
  }, [values, width, ...colours]);
  const row = rows.value.get(address);
  const top = largest(values.map(Math.abs), TOP);
  return (
    <figure ref={element} class="unit-bars">
      <canvas
        ref={canvas}
        style={{ width: px(width), height: px(HEIGHT) }}
        role="img"
        aria-label={text.value.explain.bars(address)}
      />
      <figcaption>{address}</figcaption>
      <ol>
        {top.map((unit) => (
          <li key={unit}>
            <span>{row === undefined ? unit : nameOf(row, unit)}</span>
            <span>{figure(values[unit])}</span>
          </li>
        ))}
      </ol>
    </figure>
  );
}
