import "./unit_bars.css";
import { useEffect, useRef } from "preact/hooks";
import { barColours } from "../activations/bar_colours.ts";
import { drawProfile } from "../activations/profile.ts";
import { largest } from "../activations/span.ts";
import { isDark } from "../app/theme.ts";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { px } from "../ui/px.ts";
import { useWidth } from "../ui/width.ts";
import type { Attribution } from "./attribution.ts";
import type { Explained } from "./explanation.ts";
import { placeNames } from "./place_names.ts";

const HEIGHT = 96;
const TOP = 8;

interface Props {
  readonly explained: Explained;
  readonly address: string;
  readonly attribution: Exclude<Attribution, { kind: "map" }>;
}

/** An explanation that has a value for each unit, channel or step: all of them, and the largest by name. */
export function UnitBars({ explained, address, attribution: { kind, values } }: Props) {
  const [element, width] = useWidth<HTMLElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = barColours("balance", isDark.value);
  useEffect(() => {
    if (canvas.current !== null && width > 0) drawProfile(canvas.current, values, width, HEIGHT, colours);
  }, [values, width, ...colours]);
  const name = placeNames(explained, address, kind);
  const top = largest(values.map(Math.abs), TOP);
  return (
    <figure ref={element} class="unit-bars">
      <canvas
        ref={canvas}
        style={{ width: px(width), height: px(HEIGHT) }}
        role="img"
        aria-label={text.value.explain.bars(address, kind)}
      />
      <figcaption>
        {address} {kind === "steps" && <span class="quiet">{text.value.explain.overChannels}</span>}
      </figcaption>
      <ol>
        {top.map((unit) => (
          <li key={unit}>
            <span>{name(unit)}</span>
            <span>{figure(values[unit])}</span>
          </li>
        ))}
      </ol>
    </figure>
  );
}
