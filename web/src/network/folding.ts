/** Which layers are shown where blocks are folded. */

interface Row {
  readonly address: string;
  readonly type: string;
}

const BLOCK = "Block";

/** The blocks that an address lies in, outermost first: `a` and `a/b` of `a/b/conv`. */
export function blocksAround(address: string): string[] {
  const parts = address.split("/");
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("/"));
}

/** Layers, and blocks in place of the layers inside the folded ones. */
export function shownRows<R extends Row>(rows: readonly R[], folded: readonly string[]): R[] {
  const hidden = new Set(folded);
  return rows.filter(({ address, type }) => {
    if (blocksAround(address).some((block) => hidden.has(block))) return false;
    return type !== BLOCK || hidden.has(address);
  });
}

/** The blocks that the rows lie in, in their order. */
export function blocksOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap(({ address }) => blocksAround(address)))];
}
