import "./bars.css";
import type { TypedArray } from "layerscope";
import { useEffect, useRef } from "preact/hooks";
import { useChosenUnit } from "../app/chosen.ts";
import { lookAt } from "../app/panels.ts";
import { isDark } from "../app/theme.ts";
import { ReadOutline } from "../detail/read_outline.tsx";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { px } from "../ui/px.ts";
import { scaled } from "../ui/rem.ts";
import { useWidth } from "../ui/width.ts";
import { barColours } from "./bar_colours.ts";
import { nameOf } from "./names.ts";
import { drawProfile } from "./profile.ts";
import type { LayerRow } from "./run.ts";
import { stepped } from "./stepped.ts";
import { colours, size } from "./view_options.ts";

const HEIGHTS = { small: 48, medium: 72, large: 144 } as const;
const WIDEST_BAR = 12;

interface Props {
  readonly row: LayerRow;
  readonly values: TypedArray;
}

/** Many values as a profile of bars; the keyboard and the pointer choose one. */
export function Bars({ row, values }: Props) {
  const [element, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const height = scaled(HEIGHTS[size.value]);
  const colourPair = barColours(colours.value, isDark.value);
  const drawn = Math.min(width, values.length * WIDEST_BAR);
  useEffect(() => {
    if (canvas.current !== null && drawn > 0) drawProfile(canvas.current, values, drawn, height, colourPair);
  }, [values, drawn, height, ...colourPair]);
  const chosen = useChosenUnit(row.address);
  return (
    <div ref={element} class="bars">
      <div
        class="bars-inside"
        role="slider"
        tabIndex={0}
        aria-label={text.value.activations.units(row.address, values.length)}
        aria-valuemin={0}
        aria-valuemax={values.length - 1}
        aria-valuenow={chosen ?? 0}
        aria-valuetext={`${nameOf(row, chosen ?? 0)}: ${figure(Number(values[chosen ?? 0]))}`}
        onKeyDown={(event) => stepped(event, row.address, chosen, values.length)}
        onClick={(event) => {
          const { left } = event.currentTarget.getBoundingClientRect();
          const place = Math.floor(((event.clientX - left) / drawn) * values.length);
          lookAt(row.address, Math.min(Math.max(place, 0), values.length - 1));
        }}
        style={{ width: px(drawn), height: px(height) }}
      >
        <canvas ref={canvas} style={{ width: px(drawn), height: px(height) }} />
        <ReadOutline address={row.address} shape={row.shape} unit={0} />
        {chosen !== null && (
          <div class="bars-chosen" style={{ left: px(((chosen + 0.5) / values.length) * drawn) }}>
            <span>{`${nameOf(row, chosen)}  ${figure(Number(values[chosen]))}`}</span>
          </div>
        )}
      </div>
    </div>
  );
}
