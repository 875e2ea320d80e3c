import "../ui/control.css";
import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import { method, settings } from "./chosen.ts";
import { takesWeights } from "./explanation.ts";
import { type Knob, METHODS } from "./methods.ts";

/** The options of the method. */
export function KnobFields() {
  const give = (name: string, value: string) => change({ knobs: { ...state.value.knobs, [name]: value } });
  return (
    <>
      {METHODS[method.value].knobs.map((knob) => (
        <KnobField
          key={`${method.value} ${knob.name}`}
          knob={knob}
          value={settings.value[knob.name]}
          onGive={(value) => give(knob.name, value)}
        />
      ))}
      {takesWeights(METHODS[method.value]) && <WeightsField />}
    </>
  );
}

function WeightsField() {
  return (
    <label class="knob-flag">
      <input
        type="checkbox"
        checked={state.value.weightGradients}
        onChange={(event) => change({ weightGradients: event.currentTarget.checked })}
      />
      {text.value.explain.weights}
    </label>
  );
}

interface Props {
  readonly knob: Knob;
  readonly value: string | undefined;
  readonly onGive: (value: string) => void;
}

function KnobField({ knob, value, onGive }: Props) {
  const words = text.value.explain;
  const label = words.knobs[knob.name] ?? knob.name;
  if ("words" in knob) {
    return (
      <Select
        label={label}
        names={knob.words}
        words={words.knobWords}
        chosen={value ?? knob.initial}
        onChoose={onGive}
      />
    );
  }
  return (
    <label class="select knob">
      <span class="quiet">{label}</span>
      <input
        class="control"
        type="number"
        value={value ?? knob.initial}
        min={Number.isFinite(knob.least) ? knob.least : undefined}
        step={knob.step}
        onChange={(event) => event.currentTarget.value !== "" && onGive(event.currentTarget.value)}
      />
    </label>
  );
}
