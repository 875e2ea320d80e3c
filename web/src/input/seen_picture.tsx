import "./seen_picture.css";
import { useEffect, useRef } from "preact/hooks";
import { tableOf } from "../activations/colours.ts";
import { drawColours, drawMap } from "../activations/draw.ts";
import { layerRange } from "../activations/layer_range.ts";
import type { LayerRow } from "../activations/run.ts";
import type { Tensors } from "../activations/tensors.ts";
import { shape } from "../text/figures.ts";
import { text } from "../text/text.ts";

interface Props {
  readonly row: LayerRow;
  readonly tensors: Tensors;
}

/** A picture as the network sees it: resized and scaled, in grey or in colours. */
export function SeenPicture({ row, tensors }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const channels = row.shape[3] ?? 1;
  const maps = Array.from({ length: Math.min(channels, 3) }, (_, unit) => tensors.map(row.address, row.shape, unit));
  const [first] = maps;
  useEffect(() => tensors.want(row.address, row.shape, 0, channels), [tensors, row]);
  useEffect(() => {
    const here = maps.filter((map) => map !== undefined);
    const { min, max } = layerRange(row);
    if (canvas.current === null || here.length < maps.length || here[0] === undefined) return;
    if (here.length === 3) drawColours(canvas.current, here, [min, max]);
    else drawMap(canvas.current, here[0], [min, max], tableOf("gray", false));
  }, [first?.data, row]);
  const [, height = 1, width = 1] = row.shape;
  return (
    <canvas
      ref={canvas}
      class={`seen-picture${height <= 112 ? " is-coarse" : ""}`}
      style={{ aspectRatio: `${width} / ${height}` }}
      role="img"
      aria-label={text.value.input.picture(row.address, shape(row.shape))}
    />
  );
}
