import "./chain.css";
import { useEffect, useRef } from "preact/hooks";
import { useChosen } from "../../app/chosen.ts";
import { shape } from "../../text/figures.ts";
import { measure, nodeColour } from "../measures.ts";
import { choose } from "./choose.ts";
import type { Planned } from "./nodes.ts";

interface Props {
  readonly nodes: readonly Planned[];
  /** The addresses that were found; null where nothing is looked for. */
  readonly found: ReadonlySet<string> | null;
}

/** Layers in a column, in the order of computation; the first that was found is in sight. */
export function Chain({ nodes, found }: Props) {
  const list = useRef<HTMLOListElement>(null);
  const first = found === null ? -1 : nodes.findIndex((node) => found.has(node.address));
  useEffect(() => {
    list.current?.children[first]?.scrollIntoView({ block: "nearest" });
  }, [first]);
  return (
    <ol ref={list} class="chain">
      {nodes.map((node) => (
        <li key={node.address} class={found !== null && !found.has(node.address) ? "is-faint" : undefined}>
          <Node node={node} />
        </li>
      ))}
    </ol>
  );
}

function Node({ node: { address, shape: sizes } }: { readonly node: Planned }) {
  const value = measure.value?.of(address) ?? null;
  const isChosen = useChosen(address);
  return (
    <button type="button" class="chain-node" aria-current={isChosen} onClick={() => choose(address)}>
      <span class="chain-dot" style={{ background: nodeColour.value(address) }} />
      <span class="chain-name">{address}</span>
      <span class="quiet">{value === null ? shape(sizes) : measure.value?.written(value)}</span>
    </button>
  );
}
