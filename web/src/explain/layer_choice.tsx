import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import { defaultLayer, method, plan, targetAddress } from "./chosen.ts";
import { explanation } from "./explanation.ts";
import { layersFor } from "./fit.ts";
import { METHODS } from "./methods.ts";
import { inputsOf } from "./reading.ts";

const DEFAULT = "";

/** By which tensor the number is explained: the input, or what a layer returns. */
export function LayerChoice() {
  const words = text.value.explain;
  const { explainedBy } = state.value;
  const { by } = METHODS[method.value];
  const target = targetAddress.value ?? explanation.value.value?.reply.target.address ?? null;
  const addresses = plan.value === null ? [] : layersFor(plan.value, METHODS[method.value], target);
  const isOther = explainedBy !== null && !addresses.includes(explainedBy);
  return (
    <Select
      label={words.by}
      names={[DEFAULT, ...addresses, ...(isOther ? [explainedBy] : [])]}
      words={{ [DEFAULT]: by === "maps" ? words.byLast : inputWords() }}
      chosen={explainedBy ?? DEFAULT}
      onChoose={(name) => change({ explainedBy: name === DEFAULT ? null : name })}
    />
  );
}

/** The input; where it has no gradient, what the first layer makes of it. */
function inputWords(): string {
  const words = text.value.explain;
  const [reader, planned] = [defaultLayer.value, plan.value];
  if (reader === null || planned === null) return words.byInputs;
  return words.byReader(inputsOf(planned, reader).join(", "), reader);
}
