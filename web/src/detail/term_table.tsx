import "./term_table.css";
import { barColours } from "../activations/bar_colours.ts";
import { state } from "../app/state.ts";
import { isDark } from "../app/theme.ts";
import { text } from "../text/text.ts";
import type { Step, Term } from "./arithmetic.ts";
import { exact } from "./exact.ts";
import { type Cut, isFunction, isWeighted, nameOf, numberOf, placeOf } from "./terms.ts";

interface Props {
  readonly step: Step;
  readonly parts: Cut;
}

/** The terms of a sum with their products, then what they come to. */
export function TermTable({ step, parts }: Props) {
  const words = text.value.detail;
  const weighted = isWeighted(step);
  const hasProducts = weighted || isFunction(step);
  const name = nameOf(step);
  const span = 1 + Number(weighted) + Number(hasProducts);
  const largest = Math.max(...step.terms.map((term) => Math.abs(numberOf(term.product))).filter(Number.isFinite), 0);
  return (
    <table class="terms">
      <thead>
        <tr>
          <th scope="col">{name ?? words.term}</th>
          <th scope="col">{words.value}</th>
          {weighted && <th scope="col">{words.weight}</th>}
          {hasProducts && <th scope="col">{weighted ? words.product : words.adds}</th>}
        </tr>
      </thead>
      <tbody>
        {parts.shown.map((term) => (
          <TermRow
            key={`${placeOf(term)} ${term.weight}`}
            {...{ term, weighted, hasProducts, largest }}
            isNamed={name === null}
          />
        ))}
      </tbody>
      <tfoot>
        {weighted && parts.rest > 0 && <Total name={words.others(parts.rest)} value={parts.restSum} {...{ span }} />}
        {step.bias !== null && <Total name={words.bias} value={step.bias} {...{ span }} />}
        {weighted && <Total name={words.sum} value={step.sum} {...{ span }} />}
        <Total name={words.result} value={step.value} isResult {...{ span }} />
      </tfoot>
    </table>
  );
}

interface RowProps {
  readonly term: Term;
  readonly weighted: boolean;
  readonly hasProducts: boolean;
  readonly largest: number;
  /** Whether it says which tensor it is of. */
  readonly isNamed: boolean;
}

function TermRow({ term, weighted, hasProducts, largest, isNamed }: RowProps) {
  const [positive, negative] = barColours(state.value.colours, isDark.value);
  const product = numberOf(term.product);
  const share = largest > 0 && Number.isFinite(product) ? Math.abs(product) / largest : 0;
  return (
    <tr>
      <th scope="row">{placeOf(term, isNamed)}</th>
      <td>{exact(term.value)}</td>
      {weighted && <td>{term.weight === null ? "" : `× ${exact(term.weight)}`}</td>}
      {hasProducts && (
        <td class="terms-product">
          {exact(term.product)}
          <span class="terms-bar" style={{ width: `${100 * share}%`, background: product < 0 ? negative : positive }} />
        </td>
      )}
    </tr>
  );
}

interface TotalProps {
  readonly name: string;
  readonly value: number | string;
  /** The columns before the last one. */
  readonly span: number;
  readonly isResult?: boolean;
}

function Total({ name, value, span, isResult = false }: TotalProps) {
  return (
    <tr class={isResult ? "terms-result" : undefined}>
      <th scope="row" colSpan={span}>
        {name}
      </th>
      <td>{exact(value)}</td>
    </tr>
  );
}
