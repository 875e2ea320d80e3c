/** The graph that is drawn: what is shown of the network, and what reads what. */

import { blocksAround, shownRows } from "../folding.ts";

export interface Planned {
  readonly address: string;
  readonly type: string;
  readonly inputs: readonly string[];
  readonly shape: readonly (number | null)[];
}

export interface Graph {
  readonly nodes: readonly Planned[];
  /** From what is read to what reads it. */
  readonly edges: readonly (readonly [from: string, to: string])[];
}

type Inputs = Readonly<Record<string, Pick<Planned, "shape">>>;

/** The shown layers and inputs with their edges; those of layers inside a folded block are the block's. */
export function graphOf(inputs: Inputs, rows: readonly Planned[], folded: readonly string[]): Graph {
  const shown = shownRows(rows, folded);
  const names = new Set([...Object.keys(inputs), ...shown.map((row) => row.address)]);
  const read = readers(rows, names);
  const edges = new Map<string, readonly [string, string]>();
  for (const row of rows) {
    const to = shownAs(row.address, names);
    for (const from of to === undefined ? [] : row.inputs.flatMap(read)) {
      if (to !== undefined && from !== to) edges.set(`${from} ${to}`, [from, to]);
    }
  }
  const sources = Object.entries(inputs).map(([address, { shape }]) => {
    return { address, type: "InputLayer", inputs: [], shape };
  });
  return { nodes: [...sources, ...shown], edges: [...edges.values()] };
}

/** The node that an address is, or the folded block that it lies in; undefined for a block that is not folded. */
function shownAs(address: string, names: ReadonlySet<string>): string | undefined {
  return names.has(address) ? address : blocksAround(address).find((name) => names.has(name));
}

/** Finds the nodes that an address stands for: the results of a block that is not folded are layers in it. */
function readers(rows: readonly Planned[], names: ReadonlySet<string>): (address: string) => string[] {
  const inputsOf = new Map(rows.map((row) => [row.address, row.inputs]));
  const read = (address: string): string[] => {
    const node = shownAs(address, names);
    return node === undefined ? (inputsOf.get(address) ?? []).flatMap(read) : [node];
  };
  return read;
}

/** Whether each node reads the one before it and nothing else, so that a column shows all. */
export function isChain({ nodes, edges }: Graph): boolean {
  return (
    edges.length === nodes.length - 1 &&
    edges.every(([from, to], at) => {
      return nodes[at]?.address === from && nodes[at + 1]?.address === to;
    })
  );
}
