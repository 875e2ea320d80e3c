import "./target_choice.css";
import { nameOf } from "../activations/names.ts";
import { rows } from "../activations/run.ts";
import { change, state } from "../app/state.ts";
import { index, selected } from "../detail/selection.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import { explanation } from "./explanation.ts";
import { layerOf, mapTarget, partsOf, valueTarget } from "./targets.ts";

const LARGEST = "";
/** A list of more classes is no help: their index is written. */
const MOST_CLASSES = 1000;

/** The number that is explained: the largest unit of the output, a class, what is selected, or any that is written. */
export function TargetChoice() {
  const words = text.value.explain;
  const { target } = state.value;
  const choices: Record<string, string> = { [LARGEST]: words.largest, ...ofSelection(), ...ofClasses() };
  if (target !== null && !(target in choices)) choices[target] = target;
  const choose = (name: string) => change({ target: name === LARGEST ? null : name });
  return (
    <>
      <Select
        label={words.target}
        names={Object.keys(choices)}
        words={choices}
        chosen={target ?? LARGEST}
        onChoose={choose}
      />
      <label class="select target-written">
        <span class="quiet">{words.other}</span>
        <input
          type="text"
          spellcheck={false}
          value={target ?? ""}
          placeholder="dense:pre[7]"
          onChange={(event) => choose(event.currentTarget.value.trim())}
        />
      </label>
    </>
  );
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
