import "./measure_choice.css";
import { change, state } from "../../app/state.ts";
import { isDark } from "../../app/theme.ts";
import { text } from "../../text/text.ts";
import { Select } from "../../ui/select.tsx";
import { largestMeasure, measure, measures, scaleColour } from "../measures.ts";

const NONE = "none";
const STEPS = [0, 0.25, 0.5, 0.75, 1];

/** The number that colours the nodes, and its scale. */
export function MeasureChoice() {
  const words = text.value.network;
  const names = [NONE, ...Object.keys(measures.value)];
  return (
    <div class="measure">
      <Select
        label={words.colour}
        names={names}
        words={words.measures}
        chosen={state.value.measure ?? NONE}
        onChoose={(name) => change({ measure: name === NONE ? null : name })}
      />
      {measure.value !== null && (
        <div class="measure-scale">
          <span>{measure.value.written(0)}</span>
          {STEPS.map((step) => (
            <i key={step} style={{ background: scaleColour(step, isDark.value) }} />
          ))}
          <span>{measure.value.written(largestMeasure.value)}</span>
        </div>
      )}
    </div>
  );
}
