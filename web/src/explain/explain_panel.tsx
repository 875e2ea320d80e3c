import "./explain_panel.css";
import { Refusal } from "../ui/refusal.tsx";
import { explanation } from "./explanation.ts";
import { KnobFields } from "./knob_fields.tsx";
import { LayerChoice } from "./layer_choice.tsx";
import { MethodChoice } from "./method_choice.tsx";
import { Progress } from "./progress.tsx";
import { Result } from "./result.tsx";
import { TargetChoice } from "./target_choice.tsx";

/** Which of what the network sees one number depends on. */
export function ExplainPanel() {
  const { value, error, since } = explanation;
  const failed = error.value !== null && since.value === null ? error.value : null;
  return (
    <div class="explain">
      <div class="explain-choices">
        <TargetChoice />
        <MethodChoice />
        <LayerChoice />
        <KnobFields />
      </div>
      <Progress />
      {failed !== null && <Refusal error={failed} />}
      {value.value !== null && failed === null && (
        <div class={since.value === null ? undefined : "is-stale"} aria-busy={since.value !== null}>
          <Result explained={value.value} />
        </div>
      )}
    </div>
  );
}
