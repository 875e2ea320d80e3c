import { kindOf } from "../activations/kind.ts";
import { rows } from "../activations/run.ts";
import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import { METHODS } from "./methods.ts";

const DEFAULT = "";

/** By which tensor the number is explained: the input, or what a layer returns. */
export function LayerChoice() {
  const words = text.value.explain;
  const { method, explainedBy } = state.value;
  const { by } = METHODS[method];
  const fitting = [...rows.value.values()].filter((row) => by === "any" || isOfMaps(row.shape));
  const addresses = fitting.map((row) => row.address);
  const names = [
    DEFAULT,
    ...addresses,
    ...(explainedBy === null || addresses.includes(explainedBy) ? [] : [explainedBy]),
  ];
  return (
    <Select
      label={words.by}
      names={names}
      words={{ [DEFAULT]: by === "maps" ? words.byLast : words.byInputs }}
      chosen={explainedBy ?? DEFAULT}
      onChoose={(name) => change({ explainedBy: name === DEFAULT ? null : name })}
    />
  );
}

function isOfMaps(shape: readonly number[]): boolean {
  return shape.length === 4 && kindOf(shape).kind === "maps";
}
