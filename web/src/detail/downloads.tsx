import "./downloads.css";
import { signal } from "@preact/signals";
import { run } from "../activations/run.ts";
import { noteFailure } from "../app/service.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { CANVAS } from "./large_map.tsx";
import { sliceOf } from "./own_map.ts";
import { save } from "./save.ts";
import type { Selected } from "./selection.ts";

const LEAST_SIDE = 512;
const failure = signal<string | null>(null);

/** The map as a picture, as it is coloured here, and its values as the service computed them. */
export function Downloads({ selected }: { readonly selected: Selected }) {
  const words = text.value.detail;
  return (
    <div class="downloads">
      <Button onClick={() => void savePicture(selected)}>{words.png}</Button>
      <Button onClick={() => void saveValues(selected)}>{words.npz}</Button>
      {failure.value !== null && <p role="alert">{failure.value}</p>}
    </div>
  );
}

function nameOf({ row, unit }: Selected): string {
  return `${row.address.replaceAll(/[^\w.-]+/g, "-")}-${unit}`;
}

/** Enlarged without interpolation, so that each value is seen. */
async function savePicture(selected: Selected): Promise<void> {
  const seen = document.getElementById(CANVAS);
  if (!(seen instanceof HTMLCanvasElement)) return;
  const scale = Math.max(1, Math.ceil(LEAST_SIDE / Math.max(seen.width, seen.height)));
  const canvas = new OffscreenCanvas(seen.width * scale, seen.height * scale);
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.imageSmoothingEnabled = false;
  context.drawImage(seen, 0, 0, canvas.width, canvas.height);
  save(await canvas.convertToBlob(), `${nameOf(selected)}.png`);
}

async function saveValues(selected: Selected): Promise<void> {
  const here = run.value.value;
  if (here === null) return;
  const { address, shape } = selected.row;
  try {
    const asked = { ...here.options, layers: [address], slice: sliceOf(shape, selected.unit), format: "npz" as const };
    save(await here.network.model.activations(here.input, asked), `${nameOf(selected)}.npz`);
    failure.value = null;
  } catch (error) {
    noteFailure(error);
    failure.value = error instanceof Error ? error.message : String(error);
  }
}
