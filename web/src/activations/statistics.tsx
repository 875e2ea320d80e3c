import "./statistics.css";
import { brief, figure, share } from "../text/figures.ts";
import { text } from "../text/text.ts";
import type { LayerRow } from "./run.ts";

/** The range, the mean and the share of zeros of a layer; what is not finite only where there is some. */
export function Statistics({ stats }: { readonly stats: LayerRow["stats"] }) {
  if (stats === undefined || stats === null) return null;
  const words = text.value.activations;
  const notFinite = stats.nan + stats.inf;
  return (
    <dl class="statistics">
      <Entry name={words.min} value={brief(stats.min)} exact={figure(stats.min)} />
      <Entry name={words.mean} value={brief(stats.mean)} exact={figure(stats.mean)} />
      <Entry name={words.max} value={brief(stats.max)} exact={figure(stats.max)} />
      <Entry name={words.zeros} value={share(stats.zeros)} />
      {notFinite > 0 && <Entry name={words.notFinite} value={String(notFinite)} isWrong />}
    </dl>
  );
}

interface EntryProps {
  readonly name: string;
  readonly value: string;
  /** Of more digits, for who points at it. */
  readonly exact?: string;
  readonly isWrong?: boolean;
}

function Entry({ name, value, exact, isWrong = false }: EntryProps) {
  return (
    <div class={isWrong ? "is-wrong" : undefined}>
      <dt>{name}</dt>
      <dd title={exact}>{value}</dd>
    </div>
  );
}
