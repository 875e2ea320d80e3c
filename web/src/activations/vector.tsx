import "./vector.css";
import { useEffect } from "preact/hooks";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { Bars } from "./bars.tsx";
import { Columns } from "./columns.tsx";
import { nameOf } from "./names.ts";
import type { LayerRow } from "./run.ts";
import { largest } from "./span.ts";
import type { Tensors } from "./tensors.ts";

const MOST_COLUMNS = 24;
const TOP = 4;

interface Props {
  readonly row: LayerRow;
  readonly tensors: Tensors;
}

/** A vector as bars: a few with their names, many as a profile with the largest beside it. */
export function Vector({ row, tensors }: Props) {
  const values = tensors.values(row.address, row.shape);
  useEffect(() => tensors.want(row.address, row.shape, 0, 1), [tensors, row]);
  if (values === undefined) return <p class="vector-loading quiet">{text.value.activations.loading}</p>;
  if (values.length <= MOST_COLUMNS) return <Columns row={row} values={values} />;
  return (
    <div class="vector">
      <Bars row={row} values={values} />
      <ol class="vector-top" aria-label={text.value.activations.top}>
        {largest(values, TOP).map((unit) => (
          <li key={unit}>
            <span>{nameOf(row, unit)}</span>
            <span>{figure(Number(values[unit]))}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
