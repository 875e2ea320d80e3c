import "./scaling.css";
import { rows, run } from "../activations/run.ts";
import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";

const DEFAULT = "default";
const SCALES = [DEFAULT, "none", "unit", "signed", "caffe", "torch"];
const RESIZES = [DEFAULT, "bilinear", "nearest", "none"];

interface Preprocessing {
  readonly format?: string;
  readonly original_size?: readonly number[];
  readonly scale?: string;
  readonly resize?: string;
}

/** How the picture became numbers, as the service says it, and how it could. */
export function Scaling({ name }: { readonly name: string }) {
  const words = text.value.input;
  const done = run.value.value?.reply.inputs[name]?.preprocessing as Preprocessing | null | undefined;
  const { pixels, resize } = state.value;
  const scaleWords = { ...words.pixelsOf, [DEFAULT]: words.pixelsDefault(words.pixelsOf[done?.scale ?? ""] ?? "–") };
  if (rows.value.size === 0) return null;
  return (
    <div class="scaling">
      {done?.original_size && (
        <p class="quiet">{words.was(done.original_size.join(" × "), done.format ?? "")}</p>
      )}
      <Select
        label={words.pixels}
        isBare
        names={SCALES}
        words={pixels === null ? scaleWords : { ...words.pixelsOf, [DEFAULT]: words.pixelsDefault("…") }}
        chosen={pixels ?? DEFAULT}
        onChoose={(chosen) => change({ pixels: chosen === DEFAULT ? null : chosen })}
      />
      <Select
        label={words.resize}
        isBare
        names={RESIZES}
        words={{ ...words.resizeOf, [DEFAULT]: `${words.resize}: ${words.resizeOf["bilinear"]}` }}
        chosen={resize ?? DEFAULT}
        onChoose={(chosen) => change({ resize: chosen === DEFAULT ? null : chosen })}
      />
    </div>
  );
}
