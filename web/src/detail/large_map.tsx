import "./large_map.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { tableOf } from "../activations/colours.ts";
import { drawMap } from "../activations/draw.ts";
import { layerRange } from "../activations/layer_range.ts";
import { nameOf } from "../activations/names.ts";
import { rangeOf, spanOf } from "../activations/span.ts";
import type { MapView } from "../activations/tensors.ts";
import { state } from "../app/state.ts";
import { isDark } from "../app/theme.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { px } from "../ui/px.ts";
import { useWidth } from "../ui/width.ts";
import { exact } from "./exact.ts";
import { moved, type Position, valueAt } from "./position.ts";
import { goTo, type Selected } from "./selection.ts";

const MAX_ZOOM = 32;
/** Of a map without zoom, in pixels of CSS: a vector is a band, a tall map leaves room for what is below it. */
const [LEAST_HEIGHT, MOST_HEIGHT] = [36, 420];

interface Props {
  readonly selected: Selected;
  readonly map: MapView;
  readonly position: Position;
}

/** A map, large: the pointer shows values, a click or the arrow keys choose one, plus and minus zoom. */
export function LargeMap({ selected, map, position }: Props) {
  const [element, width] = useWidth<HTMLDivElement>();
  const [zoom, setZoom] = useState(1);
  const [hovered, setHovered] = useState<Position | null>(null);
  const fitted = fit(map, width);
  const size = { width: fitted.width * zoom, height: fitted.height * zoom };
  const cell = { width: size.width / map.width, height: size.height / map.height };
  const words = text.value.detail;
  const said = (at: Position) =>
    words.at(map.height === 1 ? String(at.column) : `${at.row}, ${at.column}`, exact(valueAt(map, at)));
  useEffect(() => setHovered(null), [map]);
  useEffect(() => show(element.current, position, cell), [position.row, position.column, zoom, width]);
  const zoomTo = (to: number) => setZoom(Math.min(Math.max(to, 1), MAX_ZOOM));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const to = moved(event.key, position, map);
    const by = { "+": 2, "=": 2, "-": 0.5 }[event.key];
    if (to !== null) goTo(to);
    if (by !== undefined) zoomTo(zoom * by);
    if (to !== null || by !== undefined) event.preventDefault();
  };
  const placeOf = ({ offsetX, offsetY }: MouseEvent): Position => ({
    row: Math.min(Math.max(Math.floor(offsetY / cell.height), 0), map.height - 1),
    column: Math.min(Math.max(Math.floor(offsetX / cell.width), 0), map.width - 1),
  });
  return (
    <div class="large-map">
      <div
        ref={element}
        class="large-map-window"
        role="slider"
        tabIndex={0}
        aria-label={words.mapLabel(nameOf(selected.row, selected.unit), map.height, map.width)}
        aria-valuemin={0}
        aria-valuemax={map.height * map.width - 1}
        aria-valuenow={position.row * map.width + position.column}
        aria-valuetext={said(position)}
        onKeyDown={onKeyDown}
      >
        {/* biome-ignore lint/a11y/noStaticElementInteractions: the slider around it has the keyboard */}
        <div
          role="presentation"
          class="large-map-inside"
          style={styleOf(size)}
          onPointerMove={(event) => setHovered(placeOf(event))}
          onPointerLeave={() => setHovered(null)}
          onClick={(event) => goTo(placeOf(event))}
        >
          <MapCanvas selected={selected} map={map} size={size} />
          <span class="large-map-cell" style={boxOf(position, cell)} />
        </div>
      </div>
      <div class="large-map-foot">
        <output>{said(hovered ?? position)}</output>
        <span class="large-map-zoom">
          <Button look="quiet" label={words.zoomOut} isDisabled={zoom <= 1} onClick={() => zoomTo(zoom / 2)}>
            −
          </Button>
          <span>{zoom} ×</span>
          <Button look="quiet" label={words.zoomIn} isDisabled={zoom >= MAX_ZOOM} onClick={() => zoomTo(zoom * 2)}>
            +
          </Button>
        </span>
      </div>
    </div>
  );
}

type Size = { readonly width: number; readonly height: number };

/** As large as the panel allows, at the map's own proportions unless it would be a line. */
function fit(map: MapView, width: number): Size {
  const height = Math.max((width * map.height) / map.width, LEAST_HEIGHT);
  const scale = Math.min(1, MOST_HEIGHT / height);
  return { width: width * scale, height: height * scale };
}

function boxOf({ row, column }: Position, cell: Size): Record<string, string> {
  return { left: px(column * cell.width), top: px(row * cell.height), ...styleOf(cell) };
}

function styleOf({ width, height }: Size): Record<"width" | "height", string> {
  return { width: px(width), height: px(height) };
}

/** Scrolls a place into the window. */
function show(window: HTMLElement | null, { row, column }: Position, cell: Size): void {
  if (window === null) return;
  const { scrollLeft, scrollTop, clientWidth, clientHeight } = window;
  const [left, top] = [column * cell.width, row * cell.height];
  if (left < scrollLeft || left + cell.width > scrollLeft + clientWidth) window.scrollLeft = left - clientWidth / 2;
  if (top < scrollTop || top + cell.height > scrollTop + clientHeight) window.scrollTop = top - clientHeight / 2;
}

interface CanvasProps {
  readonly selected: Selected;
  readonly map: MapView;
  readonly size: Size;
}

/** A pixel for each value, in the colours that the layers have. */
function MapCanvas({ selected, map, size }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { span, colours } = state.value;
  const dark = isDark.value;
  useEffect(() => {
    const range = spanOf(span, layerRange(selected.row), () => rangeOf(map));
    if (canvas.current !== null) drawMap(canvas.current, map, range, tableOf(colours, dark));
  }, [map, map.first, span, colours, dark, selected.row]);
  return <canvas ref={canvas} id={CANVAS} class="large-map-canvas" style={styleOf(size)} />;
}

/** The id of the canvas, for whoever saves it. */
export const CANVAS = "detail-map";
