import "./overlay.css";
import { useEffect, useRef } from "preact/hooks";
import { ENTRIES, tableOf } from "../activations/colours.ts";
import { rangeOf } from "../activations/span.ts";
import { change, state } from "../app/state.ts";
import { SeenPicture } from "../input/seen_picture.tsx";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { type Attribution, drawOver } from "./attribution.ts";
import type { Explained } from "./explanation.ts";
import { METHODS } from "./methods.ts";
import { inputsOf, pictureOf } from "./reading.ts";

/** Per cent, before the reader chooses. */
const ALPHA = 75;

interface Props {
  readonly explained: Explained;
  readonly address: string;
  readonly attribution: Extract<Attribution, { kind: "map" }>;
}

/** The map of an explanation over the picture that it is computed from; over nothing where that is not one picture. */
export function Overlay({ explained, address, attribution: { map, isSummed } }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const range = rangeOf(map);
  const isSigned = METHODS[explained.method].isSigned || range.min < 0;
  const words = text.value.explain;
  const alpha = Math.min(state.value.alpha ?? ALPHA, 100);
  const { plan } = explained.run.network;
  const picture = pictureOf(plan, address);
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
          style={{ opacity: row === undefined ? 1 : alpha / 100 }}
          role="img"
          aria-label={words.overlay(address, picture, figure(range.min), figure(range.max))}
        />
      </div>
      <figcaption>
        <span>{address}</span>
        <Over names={inputsOf(plan, address)} picture={picture} isAlone={Object.keys(plan.inputs).length === 1} />
        <Scale isSigned={isSigned} min={range.min} max={range.max} />
      </figcaption>
      <p class="quiet">
        {isSigned ? words.twoSides : words.oneSide}
        {isSummed && ` ${words.overChannels}`}
      </p>
      {row !== undefined && <Alpha alpha={alpha} />}
    </figure>
  );
}

/** How much of the map covers the picture, in per cent. */
function Alpha({ alpha }: { readonly alpha: number }) {
  return (
    <label class="overlay-alpha">
      <span class="quiet">{text.value.explain.alpha}</span>
      <input
        type="range"
        min={0}
        max={100}
        value={alpha}
        onInput={(event) => change({ alpha: Number(event.currentTarget.value) })}
      />
      <span>{alpha} %</span>
    </label>
  );
}

interface OverProps {
  /** The inputs that the map is computed from, and the picture that it lies over. */
  readonly names: readonly string[];
  readonly picture: string | null;
  /** Whether the network has no other input. */
  readonly isAlone: boolean;
}

/** Of several inputs: the one that a map lies over, or those that it is computed from. */
function Over({ names, picture, isAlone }: OverProps) {
  const words = text.value.explain;
  if (isAlone || names.length === 0) return null;
  return <span class="quiet">{picture === null ? words.ofInputs(names.join(", ")) : words.over(picture)}</span>;
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
