import "./arithmetic_section.css";
import { computed } from "@preact/signals";
import { run } from "../activations/run.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Elapsed } from "../ui/elapsed.tsx";
import { Notice } from "../ui/notice.tsx";
import { Problems } from "../ui/problems.tsx";
import { arithmetic, told } from "./arithmetic.ts";
import { exact } from "./exact.ts";
import { StepSection } from "./step_section.tsx";

/** Whether the run is another than the one that arithmetic is of. */
const isChanged = computed(() => {
  const { edits, training } = run.value.value?.options ?? {};
  return edits !== undefined || training === true;
});

/** How the selected value came about, step by step, with the numbers. */
export function ArithmeticSection() {
  const words = text.value.detail;
  const { error, since } = arithmetic;
  const reply = arithmetic.value.value?.reply ?? null;
  const isStale = told.value === null; // kept while the next one is on its way, so that nothing jumps
  return (
    <section class="arithmetic" aria-label={words.arithmetic} aria-busy={since.value !== null}>
      <h3>{words.arithmetic}</h3>
      {since.value !== null && (
        <p class="arithmetic-waits">
          <Elapsed since={since.value} />
          <Button look="quiet" onClick={arithmetic.cancel}>
            {text.value.app.cancel}
          </Button>
        </p>
      )}
      {error.value !== null && since.value === null && (
        <Notice kind="wrong" title={text.value.app.failed}>
          <Problems error={error.value} />
        </Notice>
      )}
      {isChanged.value && <p class="arithmetic-plain">{words.plainOnly}</p>}
      {reply !== null && (
        <div class={isStale ? "is-stale" : undefined}>
          <p class="arithmetic-value">
            <code>{`${reply.of.address}[${reply.of.index.join(", ")}]`}</code>
            <strong>= {exact(reply.value)}</strong>
          </p>
          {reply.reason && <p class="quiet">{reply.reason}</p>}
          {reply.steps.map((step, at) => (
            <StepSection key={`${at} ${step.formula}`} step={step} number={reply.steps.length > 1 ? at + 1 : null} />
          ))}
        </div>
      )}
    </section>
  );
}
