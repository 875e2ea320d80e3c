import "./channel_strip.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { tableOf } from "../activations/colours.ts";
import { drawMap } from "../activations/draw.ts";
import { kindOf } from "../activations/kind.ts";
import { layerRange } from "../activations/layer_range.ts";
import { type LayerRow, run } from "../activations/run.ts";
import { spanOf } from "../activations/span.ts";
import type { MapView } from "../activations/tensors.ts";
import { change, state } from "../app/state.ts";
import { isDark } from "../app/theme.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { isOff, isWholeOff, toggled } from "./edit.ts";

const FIRST = 16;

/** The channels of a layer in a strip; a click switches one off, and another on again. */
export function ChannelStrip({ row }: { readonly row: LayerRow }) {
  const [shown, setShown] = useState(FIRST);
  const tensors = run.value.value?.tensors;
  const kind = kindOf(row.shape);
  const count = row.shape[row.shape.length - 1] ?? 1;
  const depth = kind.kind === "maps" ? kind.depth : 1;
  const words = text.value.edits;
  const end = Math.min(shown, count);
  return (
    <fieldset class="channel-strip" aria-label={words.strip(row.address)}>
      {Array.from({ length: end }, (_, channel) => (
        <Channel
          key={channel}
          row={row}
          channel={channel}
          view={tensors?.map(row.address, row.shape, channel * depth)}
        />
      ))}
      {end < count && (
        <Button look="quiet" onClick={() => setShown(shown + 2 * FIRST)}>
          {words.more(count - end)}
        </Button>
      )}
    </fieldset>
  );
}

interface ChannelProps {
  readonly row: LayerRow;
  readonly channel: number;
  readonly view: MapView | undefined;
}

function Channel({ row, channel, view }: ChannelProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = isDark.value;
  useEffect(() => {
    if (view === undefined || canvas.current === null) return;
    drawMap(
      canvas.current,
      view,
      spanOf("symmetric", layerRange(row), () => layerRange(row)),
      tableOf("balance", dark),
    );
  }, [view?.data, view?.first, row, dark]);
  const { edits } = state.value;
  const off = isOff(edits, row.address, channel);
  return (
    <button
      type="button"
      class={`channel${off ? " is-off" : ""}`}
      aria-pressed={off}
      aria-label={text.value.edits.channel(channel)}
      disabled={isWholeOff(edits, row.address)}
      onClick={() => change({ edits: toggled(edits, row.address, channel) })}
    >
      {kindOf(row.shape).kind === "maps" && <canvas ref={canvas} />}
      {row.labels?.[channel] ?? channel}
    </button>
  );
}
