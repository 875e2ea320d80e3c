import "./map_tile.css";
import { useEffect, useRef } from "preact/hooks";
import { useChosen } from "../app/chosen.ts";
import { lookAt } from "../app/panels.ts";
import { part } from "../app/state.ts";
import { isDark } from "../app/theme.ts";
import { ReadOutline } from "../detail/read_outline.tsx";
import { isMarked } from "../diagnose/marks.ts";
import { channelOf, isOff } from "../edits/edit.ts";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { px } from "../ui/px.ts";
import { tableOf } from "./colours.ts";
import { drawMap } from "./draw.ts";
import { layerRange } from "./layer_range.ts";
import type { Size } from "./map_size.ts";
import { nameOf } from "./names.ts";
import type { LayerRow } from "./run.ts";
import { isSilent, rangeOf, spanOf } from "./span.ts";
import type { Tensors } from "./tensors.ts";
import { colours, span } from "./view_options.ts";

const edits = part("edits");

interface Props {
  readonly row: LayerRow;
  readonly tensors: Tensors;
  readonly unit: number;
  readonly count: number;
  readonly size: Size;
  readonly left: number;
  readonly top: number;
}

/** The id of a map's element, for those who lead to it. */
export function tileId(address: string, unit: number): string {
  return `map-${address}-${unit}`;
}

/** One map of a layer: its pixels in colours, its number or name below. */
export function MapTile({ row, tensors, unit, count, size, left, top }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = tensors.map(row.address, row.shape, unit);
  const dark = isDark.value;
  useEffect(() => {
    if (view === undefined || canvas.current === null) return;
    drawMap(
      canvas.current,
      view,
      spanOf(span.value, layerRange(row), () => rangeOf(view)),
      tableOf(colours.value, dark),
    );
  }, [view?.data, view?.first, span.value, colours.value, dark, row]);
  const isChosen = useChosen(row.address, unit);
  const words = text.value.activations;
  const off = isOff(edits.value, row.address, channelOf(row.shape, unit));
  const silent = !off && view !== undefined && view.step === 1 && isSilent(view);
  const name = nameOf(row, unit);
  const label = row.labels?.[unit] ?? unit;
  const range = view === undefined ? undefined : rangeOf(view);
  const said = off ? text.value.edits.off : silent ? words.silent : null;
  const marks = `${isChosen ? " is-chosen" : ""}${silent ? " is-silent" : ""}${off ? " is-off" : ""}`;
  const found = isMarked(row.address, unit) ? " is-marked" : "";
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list around it has the keyboard
    <div
      id={tileId(row.address, unit)}
      class={`map-tile${marks}${found}`}
      style={{ left: px(left), top: px(top), width: px(size.width) }}
      role="option"
      tabIndex={-1}
      aria-selected={isChosen}
      aria-setsize={count}
      aria-posinset={unit + 1}
      aria-label={range && words.mapLabel(name, said ?? `${figure(range.min)} … ${figure(range.max)}`)}
      title={silent ? words.silentHelp(name) : range && `${name}: ${figure(range.min)} … ${figure(range.max)}`}
      onClick={() => lookAt(row.address, unit)}
    >
      <span class="map-picture" style={{ width: px(size.width), height: px(size.height) }}>
        <canvas
          ref={canvas}
          class={view !== undefined && view.height <= size.height ? "is-coarse" : undefined}
          style={{ width: px(size.width), height: px(size.height) }}
        />
        <ReadOutline address={row.address} shape={row.shape} unit={unit} />
      </span>
      <span class="map-name">{said === null ? label : `${label} · ${said}`}</span>
    </div>
  );
}
