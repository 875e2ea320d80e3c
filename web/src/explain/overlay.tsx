import "./overlay.css";
import { useEffect, useRef } from "preact/hooks";
import { ENTRIES, tableOf } from "../activations/colours.ts";
import { rangeOf } from "../activations/span.ts";
import { change, state } from "../app/state.ts";
import { SeenPicture } from "../input/seen_picture.tsx";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { type Attribution, drawOver } from "./attribution.ts";
import { type Explained, pictureOf } from "./explanation.ts";
import { METHODS } from "./methods.ts";

/** Per cent, before the reader chooses. */
const ALPHA = 75;

interface Props {
  readonly explained: Explained;
  readonly address: string;
  readonly attribution: Extract<Attribution, { kind: "map" }>;
}

/** The map of an explanation over the picture that it explains. */
export function Overlay({ explained, address, attribution: { map, isSummed } }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const range = rangeOf(map);
  const isSigned = METHODS[explained.method].isSigned || range.min < 0;
  const words = text.value.explain;
  const alpha = Math.min(state.value.alpha ?? ALPHA, 100);
  const picture = pictureOf(explained.run);
  const row = explained.run.reply.layers.find((one) => one.address === picture);
  const [, height = map.height, width = map.width] = row?.shape ?? [];
  useEffect(() => {
    const table = tableOf(isSigned ? "balance" : "viridis", false);
    if (canvas.current !== null) drawOver(canvas.current, map, table, isSigned);
  }, [explained, map, isSigned]);
  return (
    <figure class="overlay">
      <div class="overlay-picture" style={{ aspectRatio: `${width} / ${height}` }}>
        {row !== undefined && <SeenPicture row={row} tensors={explained.run.tensors} />}
        <canvas
          ref={canvas}
          class={`overlay-map${map.height <= 112 ? " is-coarse" : ""}`}
          style={{ opacity: alpha / 100 }}
          role="img"
          aria-label={words.overlay(address, figure(range.min), figure(range.max))}
        />
      </div>
      <figcaption>
        <span>{address}</span>
        <Scale isSigned={isSigned} min={range.min} max={range.max} />
      </figcaption>
      <p class="quiet">
        {isSigned ? words.twoSides : words.oneSide}
        {isSummed && ` ${words.overChannels}`}
      </p>
      <label class="overlay-alpha">
        <span class="quiet">{words.alpha}</span>
        <input
          type="range"
          min={0}
          max={100}
          value={alpha}
          onInput={(event) => change({ alpha: Number(event.currentTarget.value) })}
        />
        <span>{alpha} %</span>
      </label>
    </figure>
  );
}

interface ScaleProps {
  readonly isSigned: boolean;
  readonly min: number;
  readonly max: number;
}

/** What the colours stand for: about zero, or from zero to the largest value. */
function Scale({ isSigned, min, max }: ScaleProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const far = Math.max(Math.abs(min), Math.abs(max));
  useEffect(() => {
    const data = Float32Array.from({ length: ENTRIES }, (_, at) => (isSigned ? (2 * at) / (ENTRIES - 1) - 1 : at));
    const map = { data, first: 0, rowStride: ENTRIES, stride: 1, height: 1, width: ENTRIES, step: 1 };
    if (canvas.current !== null)
      drawOver(canvas.current, map, tableOf(isSigned ? "balance" : "viridis", false), isSigned);
  }, [isSigned]);
  return (
    <span class="overlay-scale">
      {isSigned ? figure(-far) : "0"}
      <canvas ref={canvas} width={ENTRIES} height={1} />
      {figure(far)}
    </span>
  );
}
