import "./training_mode.css";
import { change, part } from "../app/state.ts";
import { text } from "../text/text.ts";

const training = part("training");

/** Whether BatchNormalization and Dropout act as in training. */
export function TrainingMode() {
  return (
    <label class="training-mode quiet">
      <input
        type="checkbox"
        checked={training.value}
        onChange={(event) => change({ training: event.currentTarget.checked })}
      />
      {text.value.activations.training}
    </label>
  );
}
