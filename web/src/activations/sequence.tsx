import "./sequence.css";
import { useEffect, useRef } from "preact/hooks";
import { useChosenUnit } from "../app/chosen.ts";
import { lookAt } from "../app/panels.ts";
import { isDark } from "../app/theme.ts";
import { ReadOutline } from "../detail/read_outline.tsx";
import { text } from "../text/text.ts";
import { px } from "../ui/px.ts";
import { scaled } from "../ui/rem.ts";
import { useWidth } from "../ui/width.ts";
import { tableOf } from "./colours.ts";
import { drawMap } from "./draw.ts";
import type { Kind } from "./kind.ts";
import { layerRange } from "./layer_range.ts";
import { nameOf } from "./names.ts";
import type { LayerRow } from "./run.ts";
import { rangeOf, spanOf } from "./span.ts";
import { stepped } from "./stepped.ts";
import type { MapView, Tensors } from "./tensors.ts";
import { size as chosenSize, colours, span } from "./view_options.ts";

const HEIGHTS = { small: 64, medium: 96, large: 192 } as const;
const LARGEST_CELL = 24;
/** Of a canvas; longer sequences are drawn with every second step, or fewer. */
const MOST_STEPS = 4096;

interface Props {
  readonly row: LayerRow;
  readonly tensors: Tensors;
  readonly kind: Extract<Kind, { kind: "sequence" }>;
}

/** A sequence as a picture: steps to the right, channels downwards. The keyboard goes from channel to channel. */
export function Sequence({ row, tensors, kind }: Props) {
  const [element, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const values = tensors.values(row.address, row.shape);
  const dark = isDark.value;
  useEffect(() => tensors.want(row.address, row.shape, 0, 1), [tensors, row]);
  useEffect(() => {
    if (values === undefined || canvas.current === null) return;
    const { steps, channels } = kind;
    const step = Math.ceil(steps / MOST_STEPS);
    const size = { height: channels, width: Math.ceil(steps / step) };
    const view: MapView = { data: values, first: 0, rowStride: 1, stride: channels * step, ...size, step };
    drawMap(
      canvas.current,
      view,
      spanOf(span.value, layerRange(row), () => rangeOf(view)),
      tableOf(colours.value, dark),
    );
  }, [values, span.value, colours.value, dark, row]);
  const chosen = useChosenUnit(row.address);
  const height = scaled(Math.min(HEIGHTS[chosenSize.value], kind.channels * LARGEST_CELL));
  const words = text.value.activations;
  const cell = height / kind.channels;
  return (
    <div ref={element}>
      <div
        class="sequence"
        role="slider"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label={words.sequence(row.address, kind.steps, kind.channels)}
        aria-valuemin={0}
        aria-valuemax={kind.channels - 1}
        aria-valuenow={chosen ?? 0}
        aria-valuetext={nameOf(row, chosen ?? 0)}
        onKeyDown={(event) => stepped(event, row.address, chosen, kind.channels)}
        onClick={(event) => {
          const y = event.clientY - event.currentTarget.getBoundingClientRect().top;
          lookAt(row.address, Math.min(Math.max(Math.floor(y / cell), 0), kind.channels - 1));
        }}
      >
        <canvas ref={canvas} style={{ width: px(Math.min(width, kind.steps * LARGEST_CELL)), height: px(height) }} />
        <ReadOutline address={row.address} shape={row.shape} unit={0} />
        {chosen !== null && <div class="sequence-chosen" style={{ top: px(chosen * cell), height: px(cell) }} />}
      </div>
      <p class="sequence-axes">{`→ ${kind.steps} ${words.time}   ↓ ${kind.channels} ${words.channels}`}</p>
    </div>
  );
}
