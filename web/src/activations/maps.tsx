import "./maps.css";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useChosenUnit } from "../app/chosen.ts";
import { lookAt } from "../app/panels.ts";
import { change } from "../app/state.ts";
import { text } from "../text/text.ts";
import { px } from "../ui/px.ts";
import { useWidth } from "../ui/width.ts";
import { type Arrangement, arrange, visible } from "./arrangement.ts";
import type { Kind } from "./kind.ts";
import { sizeOf } from "./map_size.ts";
import { MapTile, tileId } from "./map_tile.tsx";
import type { LayerRow } from "./run.ts";
import type { Tensors } from "./tensors.ts";
import { size as chosenSize } from "./view_options.ts";

/** Of the window, at its top: what lies there is behind the head of the page. */
const MARGIN = 60;

interface Props {
  readonly row: LayerRow;
  readonly tensors: Tensors;
  readonly kind: Extract<Kind, { kind: "maps" }>;
  /** Whether all maps are shown line below line, not only one line that scrolls. */
  readonly isOpen: boolean;
}

/** The maps of a layer. Only those in view have elements, and only they are fetched. */
export function Maps({ row, tensors, kind, isOpen }: Props) {
  const [element, width] = useWidth<HTMLDivElement>();
  const [seen, setSeen] = useState({ from: 0, to: 0 });
  const size = sizeOf(chosenSize.value, kind.height, kind.width);
  const arrangement = arrange(kind.count, size, isOpen ? width : Number.POSITIVE_INFINITY);
  const look = () => element.current && setSeen(visible(arrangement, element.current));
  useLayoutEffect(() => {
    look();
    addEventListener("scroll", look, { capture: true, passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look, { capture: true });
      removeEventListener("resize", look);
    };
  }, [width, arrangement.columns, kind.count, size.width, size.height]);
  useEffect(() => {
    tensors.want(row.address, row.shape, seen.from, seen.to);
    return () => tensors.forget(row.address);
  }, [tensors, row, seen.from, seen.to]);
  const chosen = useChosenUnit(row.address);
  useShown(element, arrangement, chosen);
  const units = Array.from({ length: Math.max(seen.to - seen.from, 0) }, (_, at) => seen.from + at);
  return (
    <div
      ref={element}
      class={`maps${isOpen ? " is-open" : ""}`}
      role="listbox"
      tabIndex={0}
      aria-label={text.value.activations.maps(row.address, kind.count)}
      aria-activedescendant={chosen !== null && chosen < kind.count ? tileId(row.address, chosen) : undefined}
      onKeyDown={(event) => step(event, row.address, chosen, kind.count, arrangement.columns)}
    >
      <div class="maps-inside" style={{ width: px(arrangement.width), height: px(arrangement.height) }}>
        {units.map((unit) => (
          <MapTile key={unit} {...{ row, tensors, unit, size }} count={kind.count} {...arrangement.place(unit)} />
        ))}
      </div>
    </div>
  );
}

/** Scrolls to the map that is chosen, when the keyboard chooses it. */
function useShown(
  list: { readonly current: HTMLElement | null },
  arrangement: Arrangement,
  chosen: number | null,
): void {
  const before = useRef(chosen);
  useEffect(() => {
    if (chosen !== null && chosen !== before.current && list.current === document.activeElement && list.current) {
      show(list.current, arrangement, chosen);
    }
    before.current = chosen;
  }, [chosen]);
}

function show(list: HTMLElement, { cell, columns, count, place }: Arrangement, unit: number): void {
  const { left, top } = place(unit);
  if (columns >= count) {
    list.scrollLeft = Math.max(Math.min(list.scrollLeft, left), left + cell.width - list.clientWidth);
    return;
  }
  const y = list.getBoundingClientRect().top + top;
  if (y < MARGIN || y + cell.height > innerHeight) list.closest("main")?.scrollBy({ top: y - innerHeight / 2 });
}

function step(event: KeyboardEvent, layer: string, chosen: number | null, count: number, columns: number): void {
  const steps: Record<string, number> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns < count ? columns : 1,
    ArrowUp: columns < count ? -columns : -1,
    Home: -count,
    End: count,
  };
  if (event.key === "Enter") lookAt(layer, chosen ?? 0);
  const by = steps[event.key];
  if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const unit = Math.min(Math.max(chosen === null && by < count ? 0 : (chosen ?? 0) + by, 0), count - 1);
  change({ layer, unit });
}
