import { useEffect, useRef } from "preact/hooks";
import { tableOf } from "../activations/colours.ts";
import { drawMap } from "../activations/draw.ts";
import type { MapView } from "../activations/tensors.ts";
import { isDark } from "../app/theme.ts";
import { px } from "../ui/px.ts";

interface Props {
  /** Undefined while the values are not here. */
  readonly view: MapView | undefined;
  /** What the colours reach on both sides of zero. */
  readonly most: number;
  readonly height: number;
  readonly className?: string;
}

/** Values in colours about zero: blue below, brown above. */
export function Canvas({ view, most, height, className }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = isDark.value;
  useEffect(() => {
    if (view === undefined || canvas.current === null) return;
    drawMap(canvas.current, view, [-most, most], tableOf("balance", dark));
  }, [view?.data, view?.first, most, dark]);
  return <canvas ref={canvas} class={className} style={{ height: px(height) }} />;
}
