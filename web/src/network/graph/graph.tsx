import { useMemo, useState } from "preact/hooks";
import { part } from "../../app/state.ts";
import { text } from "../../text/text.ts";
import { network } from "../network.ts";
import { Blocks } from "./blocks.tsx";
import { Chain } from "./chain.tsx";
import { Diagram } from "./diagram.tsx";
import { Find, matching } from "./find.tsx";
import { MeasureChoice } from "./measure_choice.tsx";
import { graphOf, isChain } from "./nodes.ts";

const folded = part("folded");

/** The graph of the network: a column where it is a chain, else a diagram. */
export function Graph() {
  const [wanted, setWanted] = useState("");
  const plan = network.value.value?.plan;
  const graph = useMemo(() => graphOf(plan?.inputs ?? {}, plan?.layers ?? [], folded.value), [plan, folded.value]);
  if (plan === undefined) return null;
  const found = matching(graph.nodes, wanted);
  const addresses = wanted === "" ? null : new Set(found.map((node) => node.address));
  return (
    <section aria-label={text.value.network.graph} class={network.error.value === null ? undefined : "is-stale"}>
      <MeasureChoice />
      <Find wanted={wanted} onWant={setWanted} found={found} />
      <Blocks rows={plan.layers} />
      {isChain(graph) ? <Chain nodes={graph.nodes} found={addresses} /> : <Diagram graph={graph} found={addresses} />}
    </section>
  );
}
