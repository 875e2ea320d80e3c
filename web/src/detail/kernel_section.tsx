import "./kernel_section.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { ColourBar } from "../activations/colour_bar.tsx";
import { tableOf } from "../activations/colours.ts";
import { drawMap } from "../activations/draw.ts";
import { type Range, rangeOf, spanOf } from "../activations/span.ts";
import type { MapView } from "../activations/tensors.ts";
import { state } from "../app/state.ts";
import { isDark } from "../app/theme.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { px } from "../ui/px.ts";
import { kernelMaps } from "./kernel.ts";
import type { Selected } from "./selection.ts";
import { kernel } from "./weights.ts";

const FIRST = 32;
/** Of a tile, in pixels of CSS; the only one is twice as large. */
const SIDE = 44;
const [LEAST_HEIGHT, MOST_HEIGHT, LINE_HEIGHT] = [12, 352, 20];

interface Props {
  readonly selected: Selected;
  /** The place on the last axis of the tensor. */
  readonly channel: number;
}

/** The weights that make the selected map: one tile for each channel that the layer reads. */
export function KernelSection({ selected, channel }: Props) {
  const [count, setCount] = useState(FIRST);
  const tensor = kernel.value;
  const maps = tensor === null ? [] : kernelMaps(selected.row.type, tensor, channel);
  if (maps.length === 0) return null;
  const words = text.value.detail;
  const range = maps
    .map(rangeOf)
    .reduce((all, one) => ({ min: Math.min(all.min, one.min), max: Math.max(all.max, one.max) }));
  return (
    <section class="kernel">
      <header class="kernel-head">
        <h3>{words.kernel}</h3>
        <ColourBar range={range} />
      </header>
      <ul class="kernel-maps" aria-label={words.kernelLabel(channel, maps.length)}>
        {maps.slice(0, count).map((map, at) => (
          <KernelMap key={at} map={map} range={range} name={words.inputChannel(at)} isOnly={maps.length === 1} />
        ))}
      </ul>
      {count < maps.length && (
        <Button look="quiet" onClick={() => setCount(maps.length)}>
          {text.value.activations.all(maps.length)}
        </Button>
      )}
    </section>
  );
}

interface MapProps {
  readonly map: MapView;
  readonly range: Range;
  readonly name: string;
  readonly isOnly: boolean;
}

function KernelMap({ map, range, name, isOnly }: MapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { span, colours } = state.value;
  const dark = isDark.value;
  useEffect(() => {
    if (canvas.current !== null)
      drawMap(
        canvas.current,
        map,
        spanOf(span, range, () => rangeOf(map)),
        tableOf(colours, dark),
      );
  }, [map.data, map.first, span, colours, dark]);
  const side = isOnly ? 2 * SIDE : SIDE;
  const isLine = map.height === 1 && map.width > 1;
  const height = Math.min(Math.max((side * map.height) / map.width, LEAST_HEIGHT), MOST_HEIGHT);
  const size = { width: isLine ? "100%" : px(side), height: px(isLine ? LINE_HEIGHT : height) };
  return (
    <li title={isOnly ? undefined : name}>
      <canvas ref={canvas} style={size} />
    </li>
  );
}
