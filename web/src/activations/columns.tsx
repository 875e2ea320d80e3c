import "./columns.css";
import type { TypedArray } from "layerscope";
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { useChosenUnit } from "../app/chosen.ts";
import { lookAt } from "../app/panels.ts";
import { isDark } from "../app/theme.ts";
import { brief, figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { useOverflow } from "../ui/overflow.ts";
import { px } from "../ui/px.ts";
import { scaled } from "../ui/rem.ts";
import { useWidth } from "../ui/width.ts";
import { barColours } from "./bar_colours.ts";
import type { LayerRow } from "./run.ts";
import { largest } from "./span.ts";
import { stepped } from "./stepped.ts";
import { colours, size } from "./view_options.ts";

const HEIGHTS = { small: 40, medium: 56, large: 128 } as const;
/** In a narrower column a figure of four digits has no place, and in one that is narrower still not even two digits. */
const [WIDE, NARROW] = [44, 36];

interface Props {
  readonly row: LayerRow;
  readonly values: TypedArray;
}

function columnId(address: string, unit: number): string {
  return `column-${address}-${unit}`;
}

/** A few values as columns with their names; the largest stands out, and is in sight where not all of them are. */
export function Columns({ row, values }: Props) {
  const [element, width] = useWidth<HTMLDivElement>();
  const numbers = Array.from(values, Number);
  const finite = numbers.filter(Number.isFinite);
  const [top, bottom] = [Math.max(0, ...finite), Math.min(0, ...finite)];
  const chosen = useChosenUnit(row.address);
  const first = values.length > 1 && row.type !== "InputLayer" ? (largest(values, 1)[0] ?? null) : null;
  useShown(element, chosen ?? first, width);
  const space = width / Math.max(values.length, 1) || Number.POSITIVE_INFINITY; // not known at first
  const hidden = useOverflow(element, width);
  return (
    <div class="columns-frame">
      <div
        ref={element}
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
            space={space}
            isChosen={at === chosen}
            isFirst={at === first}
          />
        ))}
      </div>
      {hidden.left && <More side="left" />}
      {hidden.right && <More side="right" />}
    </div>
  );
}

/** Says that there are more columns beyond a side. */
function More({ side }: { readonly side: "left" | "right" }) {
  return (
    <span class={`columns-more is-${side}`} aria-hidden="true">
      {side === "left" ? "‹" : "›"}
    </span>
  );
}

/** Scrolls to a column, sideways alone, where not all of them have a place. */
function useShown(list: RefObject<HTMLElement | null>, unit: number | null, width: number): void {
  useLayoutEffect(() => {
    const column = unit === null ? undefined : list.current?.children[unit];
    if (!(column instanceof HTMLElement) || list.current === null) return;
    list.current.scrollLeft = column.offsetLeft - (width - column.offsetWidth) / 2;
  }, [unit, width]);
}

interface ColumnProps {
  readonly row: LayerRow;
  readonly unit: number;
  readonly value: number;
  readonly top: number;
  readonly bottom: number;
  readonly height: number;
  /** For each column, in pixels of CSS. */
  readonly space: number;
  readonly isChosen: boolean;
  readonly isFirst: boolean;
}

function Column({ row, unit, value, top, bottom, height, space, isChosen, isFirst }: ColumnProps) {
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
      <span class="column-value" title={figure(value)}>
        {space >= scaled(NARROW) || isFirst || isChosen ? written(value, space) : "\u00a0"}
      </span>
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

function written(value: number, space: number): string {
  return space >= scaled(WIDE) ? figure(value) : brief(value, 2);
}
