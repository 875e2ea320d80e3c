import "./difference.css";
import type { Tensors } from "../activations/tensors.ts";
import { figure, share } from "../text/figures.ts";
import { text } from "../text/text.ts";
import type { ComparedLayer } from "./comparison.ts";
import { DifferenceMaps } from "./difference_maps.tsx";
import { numberOf } from "./relative.ts";

interface Props {
  readonly row: ComparedLayer;
  readonly tensors: Tensors;
}

/** One layer's difference: its figures, and a − b where it is. */
export function Difference({ row, tensors }: Props) {
  const most = numberOf(row.max_abs);
  const hasMaps = row.a !== null && row.b !== null && row.status !== "shape_differs" && most !== null && most > 0;
  return (
    <div class="difference-whole">
      <Figures row={row} />
      {hasMaps && row.a !== null && (
        <DifferenceMaps address={row.address} shape={row.a.shape} tensors={tensors} most={most} />
      )}
    </div>
  );
}

function Figures({ row }: { readonly row: ComparedLayer }) {
  const words = text.value.compare;
  const place = row.at;
  const shapes = `${row.a?.shape.join(" × ") ?? "–"} · ${row.b?.shape.join(" × ") ?? "–"}`;
  const entries: (readonly [string, string | null])[] = [
    [words.figures.shapes, row.status === "shape_differs" ? shapes : null],
    [words.figures.most, row.max_abs == null ? null : figure(row.max_abs)],
    [words.figures.at, place == null ? null : words.at(place.index.join(", "), written(place.a), written(place.b))],
    [words.figures.mean, row.mean_abs == null ? null : figure(row.mean_abs)],
    [words.figures.cosine, row.cosine == null ? null : figure(row.cosine)],
    [words.figures.ulp, row.max_ulp == null ? null : figure(row.max_ulp)],
    [words.figures.argmax, row.argmax_agrees == null ? null : share(row.argmax_agrees)],
    [words.figures.notFinite, row.not_finite ? String(row.not_finite) : null],
  ];
  return (
    <dl class="difference-figures">
      {entries.map(([name, value]) => value !== null && <Entry key={name} name={name} value={value} />)}
    </dl>
  );
}

/** A value of any dtype; booleans as they are. */
function written(value: number | string | boolean): string {
  return typeof value === "boolean" ? String(value) : figure(value);
}

function Entry({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
