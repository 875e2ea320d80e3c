import "./columns.css";
import type { TypedArray } from "layerscope";
import { useChosenUnit } from "../app/chosen.ts";
import { lookAt } from "../app/panels.ts";
import { isDark } from "../app/theme.ts";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { px } from "../ui/px.ts";
import { scaled } from "../ui/rem.ts";
import { barColours } from "./bar_colours.ts";
import type { LayerRow } from "./run.ts";
import { largest } from "./span.ts";
import { stepped } from "./stepped.ts";
import { colours, size } from "./view_options.ts";

const HEIGHTS = { small: 40, medium: 56, large: 128 } as const;

interface Props {
  readonly row: LayerRow;
  readonly values: TypedArray;
}

function columnId(address: string, unit: number): string {
  return `column-${address}-${unit}`;
}

/** A few values as columns with their names; the largest stands out. */
export function Columns({ row, values }: Props) {
  const numbers = Array.from(values, Number);
  const finite = numbers.filter(Number.isFinite);
  const [top, bottom] = [Math.max(0, ...finite), Math.min(0, ...finite)];
  const chosen = useChosenUnit(row.address);
  const [first] = largest(values, 1);
  return (
    <div
      class="columns"
      role="listbox"
      tabIndex={0}
      aria-orientation="horizontal"
      aria-label={text.value.activations.units(row.address, values.length)}
      aria-activedescendant={chosen === null ? undefined : columnId(row.address, chosen)}
      onKeyDown={(event) => stepped(event, row.address, chosen, values.length)}
    >
      {numbers.map((value, at) => (
        <Column
          key={at}
          {...{ row, value, top, bottom }}
          unit={at}
          height={scaled(HEIGHTS[size.value])}
          isChosen={at === chosen}
          isFirst={at === first && values.length > 1 && row.type !== "InputLayer"}
        />
      ))}
    </div>
  );
}

interface ColumnProps {
  readonly row: LayerRow;
  readonly unit: number;
  readonly value: number;
  readonly top: number;
  readonly bottom: number;
  readonly height: number;
  readonly isChosen: boolean;
  readonly isFirst: boolean;
}

function Column({ row, unit, value, top, bottom, height, isChosen, isFirst }: ColumnProps) {
  const [positive, negative] = barColours(colours.value, isDark.value);
  const scale = top > bottom && Number.isFinite(value) ? height / (top - bottom) : 0;
  const offset = (top - Math.max(value, 0)) * scale;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list around it has the keyboard
    <div
      id={columnId(row.address, unit)}
      class={`column${isFirst ? " is-first" : ""}`}
      role="option"
      tabIndex={-1}
      aria-selected={isChosen}
      onClick={() => lookAt(row.address, unit)}
    >
      <span class="column-value">{figure(value)}</span>
      <span class="column-space" style={{ height: px(height) }}>
        <span
          class="column-bar"
          style={{ top: px(offset), height: px(Math.abs(value) * scale), background: value < 0 ? negative : positive }}
        />
        <span class="column-zero" style={{ top: px(Math.min(top * scale, height - 1)) }} />
      </span>
      <span class="column-name">{row.labels?.[unit] ?? unit}</span>
    </div>
  );
}
