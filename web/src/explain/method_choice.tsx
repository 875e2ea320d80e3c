import { change } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import { method, plan } from "./chosen.ts";
import { methodsFor } from "./fit.ts";

/** The method, and in a sentence what it gives. */
export function MethodChoice() {
  const words = text.value.explain;
  const fitting = plan.value === null ? [] : methodsFor(plan.value);
  return (
    <div>
      <Select
        label={words.method}
        names={fitting.includes(method.value) ? fitting : [method.value, ...fitting]}
        words={words.methods}
        chosen={method.value}
        onChoose={(name) => change({ method: name, explainedBy: null, knobs: {} })}
      />
      <p class="method-help quiet">{words.methodHelp[method.value]}</p>
    </div>
  );
}
