import "./scaling.css";
import { run } from "../activations/run.ts";
import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import type { InputSpec } from "./samples.ts";

const DEFAULT = "default";
const SCALES = [DEFAULT, "none", "unit", "signed", "caffe", "torch"];
const RESIZES = ["bilinear", "nearest", "none"];

interface Preprocessing {
  readonly format?: string;
  readonly original_size?: readonly number[];
  readonly scale?: string;
  readonly resize?: string;
}

interface Props {
  readonly name: string;
  readonly spec: InputSpec;
}

/** How the picture became numbers, as the service says it, and how it could. */
export function Scaling({ name, spec }: Props) {
  const words = text.value.input;
  const done = run.value.value?.reply.inputs[name]?.preprocessing as Preprocessing | null | undefined;
  const { pixels, resize } = state.value;
  if (done === null || done === undefined) return null;
  const size = done.original_size?.join(" × ");
  const isResized = size !== undefined && size !== spec.shape.slice(1, 3).join(" × ");
  return (
    <div class="scaling">
      <Select
        label={words.pixels}
        names={SCALES.filter((scale) => pixels !== null || scale !== done.scale)} // that of the network stands first
        words={{
          ...words.pixelsOf,
          [DEFAULT]: pixels === null ? (words.pixelsOf[done.scale ?? ""] ?? "") : words.asNetwork,
        }}
        chosen={pixels ?? DEFAULT}
        onChoose={(chosen) => change({ pixels: chosen === DEFAULT ? null : chosen })}
      />
      {(isResized || resize !== null) && (
        <Select
          label={words.was(size ?? "", done.format ?? "")}
          names={RESIZES}
          words={words.resizeOf}
          chosen={resize ?? "bilinear"}
          onChoose={(chosen) => change({ resize: chosen === "bilinear" ? null : chosen })}
        />
      )}
    </div>
  );
}
