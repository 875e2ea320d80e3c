import "./step_section.css";
import { useState } from "preact/hooks";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Choices } from "../ui/choices.tsx";
import type { Step } from "./arithmetic.ts";
import { exact } from "./exact.ts";
import { TermTable } from "./term_table.tsx";
import { cut, isWeighted, type Order, ordered } from "./terms.ts";
import { WindowSection } from "./window_section.tsx";

const FIRST = 12;
const MORE = 100;
const ORDERS = ["size", "window"] as const;

interface Props {
  readonly step: Step;
  /** Its place among several; null for the only one. */
  readonly number: number | null;
}

/** One sum: its formula, its terms, and what it comes to. */
export function StepSection({ step, number }: Props) {
  const [count, setCount] = useState(FIRST);
  const [order, setOrder] = useState<Order>("size");
  const words = text.value.detail;
  const parts = cut(step, ordered(step.terms, order), count);
  const isLong = step.terms.length > FIRST;
  return (
    <section class="step" aria-label={number === null ? words.steps : words.step(number)}>
      <p class="step-formula">
        {number !== null && <span class="quiet">{`${number}.`}</span>} <code>{step.formula}</code>
      </p>
      <WindowSection step={step} />
      {isLong && <Choices label={words.order} names={ORDERS} words={words.orders} chosen={order} onChoose={setOrder} />}
      <TermTable step={step} parts={parts} />
      {count < step.terms.length && (
        <Button look="quiet" onClick={() => setCount(count + MORE)}>
          {words.more(Math.min(MORE, step.terms.length - count))}
        </Button>
      )}
      {step.terms.length < step.terms_total && <p class="quiet">{words.listed(step.terms.length, step.terms_total)}</p>}
      {step.padding && <p class="quiet">{words.padding(step.padding.cells, step.padding.of)}</p>}
      {isWeighted(step) && exact(step.sum) !== exact(step.value) && (
        <p class="quiet">{words.rounding(figure(step.ulps))}</p>
      )}
    </section>
  );
}
