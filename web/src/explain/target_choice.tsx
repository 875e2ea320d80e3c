import "./target_choice.css";
import { nameOf } from "../activations/names.ts";
import { rows } from "../activations/run.ts";
import { change, state } from "../app/state.ts";
import { index, selected } from "../detail/selection.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import { defaultTarget, explained } from "./chosen.ts";
import { explanation } from "./explanation.ts";
import { layerOf, mapTarget, partsOf, SIGNS, valueTarget } from "./targets.ts";
import { TermChoice } from "./term_choice.tsx";

/** A list of more classes is no help: their index is written. */
const MOST_CLASSES = 1000;

/** The number that is explained: a unit, a class, what is selected, or any; less another one; and its side. */
export function TargetChoice() {
  const words = text.value.explain;
  const { target, minus, sign } = state.value;
  const number = explained.value ?? largestUnit();
  const choices = { ...ofSelection(), ...ofClasses() };
  return (
    <>
      <TermChoice
        label={words.target}
        none={defaultTarget.value === null ? words.largest : words.firstMap(defaultTarget.value)}
        choices={choices}
        chosen={target}
        onChoose={(target) => change({ target, ...(target === minus && { minus: null }) })}
      />
      <TermChoice
        label={words.minus}
        none={words.minusNone}
        choices={Object.fromEntries(Object.entries(choices).filter(([name]) => name !== number))}
        chosen={minus}
        onChoose={(minus) => change({ minus })}
      />
      <Select
        label={words.sign}
        names={SIGNS}
        words={words.signs}
        chosen={sign}
        onChoose={(sign) => change({ sign })}
      />
    </>
  );
}

/** The number that is explained where none is chosen, as the reply names it; null before it came. */
function largestUnit(): string | null {
  const told = explanation.value.value?.reply.target;
  const unit = told?.argmax?.[0];
  return told === undefined || unit == null ? null : `${told.address}[${unit}]`;
}

/** The selected map, and the selected value of it. */
function ofSelection(): Record<string, string> {
  const [now, at] = [selected.value, index.value];
  if (now === null || at === null || now.row.type === "InputLayer") return {};
  const { address, shape } = now.row;
  const value = valueTarget(address, at);
  const words = text.value.explain;
  const name = `${address}, ${nameOf(now.row, now.unit)}`;
  return {
    ...(shape.length > 2 && { [mapTarget(address, at)]: words.selectedMap(name) }),
    [value]: words.selectedValue(value),
  };
}

/** The units of the output, before its softmax: where they are is known from what was explained before. */
function ofClasses(): Record<string, string> {
  const address = explanation.value.value?.reply.target.address ?? partsOf(state.value.target ?? "").address;
  const row = rows.value.get(layerOf(address));
  const units = row?.shape.length === 2 ? (row.shape[1] ?? 0) : 0;
  if (row === undefined || units > MOST_CLASSES) return {};
  return Object.fromEntries(
    Array.from({ length: units }, (_, unit) => [`${address}[${unit}]`, row.labels?.[unit] ?? nameOf(row, unit)]),
  );
}
