import { figure } from "../text/figures.ts";
import { Canvas } from "./canvas.tsx";

const STEPS = 64;
const HEIGHT = 8;
const RAMP = {
  data: Float32Array.from({ length: STEPS }, (_, at) => (2 * at) / (STEPS - 1) - 1),
  first: 0,
  rowStride: STEPS,
  stride: 1,
  height: 1,
  width: STEPS,
  step: 1,
};

/** What the colours of differences stand for. */
export function ColourScale({ most }: { readonly most: number }) {
  return (
    <p class="difference-bar-of-colours">
      <span>a − b</span>
      <span>{figure(-most)}</span>
      <Canvas view={RAMP} most={1} height={HEIGHT} />
      <span>{figure(most)}</span>
    </p>
  );
}
