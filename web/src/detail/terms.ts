/** The terms of a step in the order in which they are shown. */

import type { Step, Term } from "./arithmetic.ts";

export type Order = "size" | "window";

/** Products and sums may be text: NaN and infinities. */
export function numberOf(value: number | string | null): number {
  return value === null ? 0 : Number(value);
}

/** The largest products first, or as the window or the row has them. */
export function ordered(terms: readonly Term[], order: Order): readonly Term[] {
  if (order === "window") return terms;
  return [...terms].sort((one, other) => size(other) - size(one));
}

function size(term: Term): number {
  const product = Math.abs(numberOf(term.product));
  return Number.isNaN(product) ? Number.POSITIVE_INFINITY : product;
}

export interface Cut {
  readonly shown: readonly Term[];
  /** How many terms are not shown, and what they come to: the sum less the bias and what is shown. */
  readonly rest: number;
  readonly restSum: number;
}

/** The first terms, and the rest as one. Sums are in double precision, as the service's own. */
export function cut({ sum, bias, terms_total }: Step, terms: readonly Term[], count: number): Cut {
  const shown = terms.slice(0, count);
  const shownSum = shown.reduce((total, term) => total + numberOf(term.product), 0);
  return { shown, rest: terms_total - shown.length, restSum: numberOf(sum) - numberOf(bias) - shownSum };
}

/** Whether the value is the sum of its terms, and not one of them (pooling) or a function of it (an activation). */
export function isWeighted(step: Step): boolean {
  return step.terms.some((term) => term.weight !== null);
}

/** Whether a term is not its value but a function of it, such as its exponential. */
export function isFunction({ terms }: Step): boolean {
  return terms.some((term) => term.weight === null && term.product !== term.value);
}

/** The tensor that all terms are of; null where they are of several. */
export function nameOf({ terms }: Step): string | null {
  const [first] = terms;
  return first !== undefined && terms.every((term) => term.name === first.name && term.index.length > 0)
    ? first.name
    : null;
}

/** `conv2d[0, 5, 7, 2]`, or the index alone. */
export function placeOf(term: Term, isNamed = true): string {
  const index = term.index.length === 0 ? "" : `[${term.index.join(", ")}]`;
  return isNamed ? term.name + index : index;
}
