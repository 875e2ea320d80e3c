import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import { METHOD_NAMES } from "./methods.ts";

/** The method, and in a sentence what it gives. */
export function MethodChoice() {
  const words = text.value.explain;
  const { method } = state.value;
  return (
    <div>
      <Select
        label={words.method}
        names={METHOD_NAMES}
        words={words.methods}
        chosen={method}
        onChoose={(name) => change({ method: name, explainedBy: null, knobs: {} })}
      />
      <p class="method-help quiet">{words.methodHelp[method]}</p>
    </div>
  );
}
