import "./difference_list.css";
import { barColours } from "../activations/bar_colours.ts";
import { change } from "../app/state.ts";
import { isDark } from "../app/theme.ts";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import type { ComparedLayer, Comparison } from "./comparison.ts";
import { Difference } from "./difference.tsx";
import { lengthOf, numberOf } from "./relative.ts";

interface Props {
  readonly comparison: Comparison;
  /** The address of the layer that is looked at. */
  readonly chosen: string | null;
}

/** Every layer with its relative difference, in the order of computation; the one that is looked at in full. */
export function DifferenceList({ comparison: { reply, tensors }, chosen }: Props) {
  const words = text.value.compare;
  return (
    <>
      <p class="differences-head quiet" aria-hidden="true">
        <span />
        <span class="differences-scale">
          <span>1e−8</span>
          <span>1</span>
        </span>
        <span>{words.relative}</span>
      </p>
      <ol class="differences" aria-label={words.result}>
        {reply.layers.map((row) => (
          <li key={row.address}>
            <Row row={row} isFirst={row.address === reply.first_divergence} isChosen={row.address === chosen} />
            {row.address === chosen && <Difference row={row} tensors={tensors} />}
          </li>
        ))}
      </ol>
    </>
  );
}

interface RowProps {
  readonly row: ComparedLayer;
  readonly isFirst: boolean;
  readonly isChosen: boolean;
}

function Row({ row, isFirst, isChosen }: RowProps) {
  const words = text.value.compare;
  const [colour] = barColours("balance", isDark.value);
  const relative = numberOf(row.rel_l2);
  return (
    <button
      type="button"
      class={`difference${isFirst ? " is-first" : ""}`}
      aria-current={isChosen}
      title={isFirst ? words.isFirst : row.address}
      onClick={() => change({ layer: row.address, unit: null })}
    >
      <span class="difference-name">{row.address}</span>
      <span class="quiet">{words.status[row.status]}</span>
      <span class="difference-track" aria-hidden="true">
        <span class="difference-bar" style={{ width: `${100 * lengthOf(relative)}%`, background: colour }} />
      </span>
      <span class="difference-figure">{row.status === "equal" ? "0" : figure(row.rel_l2)}</span>
    </button>
  );
}
