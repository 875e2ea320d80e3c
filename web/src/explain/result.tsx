import "./result.css";
import { rows } from "../activations/run.ts";
import { exact } from "../detail/exact.ts";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { attributionOf } from "./attribution.ts";
import type { Explained } from "./explanation.ts";
import { METHODS } from "./methods.ts";
import { Overlay } from "./overlay.tsx";
import { layerOf } from "./targets.ts";
import { UnitBars } from "./unit_bars.tsx";
import { Warnings } from "./warnings.tsx";
import { WeightGradients } from "./weight_gradients.tsx";

interface Props {
  readonly explained: Explained;
}

/** The score, what it depends on, and why to read it with care. */
export function Result({ explained }: Props) {
  const { reply, tensors, method } = explained;
  const addresses = reply.layers.map((row) => row.address).filter((address) => !address.endsWith(":resized"));
  return (
    <div class="explained">
      <Score explained={explained} />
      <Warnings reply={reply} />
      {addresses.map((address) => {
        const tensor = tensors.get(`${address}:resized`) ?? tensors.get(address);
        if (tensor === undefined) return null;
        const attribution = attributionOf(tensor, METHODS[method].isMap);
        return attribution.kind === "map" ? (
          <Overlay key={address} {...{ explained, address, attribution }} />
        ) : (
          <UnitBars key={address} {...{ explained, address, attribution }} />
        );
      })}
      <Completeness explained={explained} />
      <WeightGradients tensors={tensors} />
    </div>
  );
}

/** Which number is explained, and what it is. */
function Score({ explained: { reply } }: Props) {
  const { minus, scores, sign } = reply.target;
  return (
    <dl class="score">
      <dt>
        {sign === -1 && "− "}
        <TermName term={reply.target} />
        {minus != null && (
          <>
            <br />
            {sign === -1 ? "+ " : "− "}
            <TermName term={minus} />
          </>
        )}
      </dt>
      <dd>{exact(scores[0] ?? Number.NaN)}</dd>
    </dl>
  );
}

type Term = Pick<Explained["reply"]["target"], "address" | "index" | "argmax" | "summed">;

/** `dense:pre[5]`, with the label of that class. */
function TermName({ term: { address, argmax, summed, ...term } }: { readonly term: Term }) {
  const index = term.index?.replace(/^\[|\]$/g, ""); // the reply has it with its brackets
  const unit = argmax?.[0] ?? (/^\d+$/.test(index ?? "") ? Number(index) : undefined);
  const label = unit === undefined ? undefined : rows.value.get(layerOf(address))?.labels?.[unit];
  return (
    <>
      {label !== undefined && <span class="score-label">{label}</span>}
      <span class={label === undefined ? undefined : "score-address"}>{`${address}[${unit ?? index ?? "..."}]`}</span>
      {summed && <span class="quiet">{text.value.explain.summed}</span>}
    </>
  );
}

/** Of integrated gradients: that the map sums up to what the score gained over the baseline. */
function Completeness({ explained: { reply } }: Props) {
  const [delta, baseline] = [reply.delta?.[0], reply.baseline_scores?.[0]];
  if (delta === undefined || baseline === undefined) return null;
  return <p class="quiet">{text.value.explain.completeness(figure(baseline), figure(delta))}</p>;
}
