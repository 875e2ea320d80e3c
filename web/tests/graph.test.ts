import { expect, test } from "vitest";
import { blocksOf, shownRows } from "../src/network/folding.ts";
import { graphOf, isChain } from "../src/network/graph/nodes.ts";

function row(address: string, inputs: string[], type = "ReLU") {
  return { address, inputs, type, shape: [1, 2] };
}

const INPUTS = { left: { shape: [1, 2] }, right: { shape: [1, 2] } };
const SIAMESE = [
  row("encoder@0/conv", ["left"]),
  row("encoder@0", ["encoder@0/conv"], "Block"),
  row("encoder@1/conv", ["right"]),
  row("encoder@1", ["encoder@1/conv"], "Block"),
  row("difference", ["encoder@0", "encoder@1"]),
];

test("Blocks that are not folded are their layers; what reads a block reads its result.", () => {
  const { nodes, edges } = graphOf(INPUTS, SIAMESE, []);
  expect(nodes.map((node) => node.address)).toEqual(["left", "right", "encoder@0/conv", "encoder@1/conv", "difference"]);
  expect(edges).toEqual([
    ["left", "encoder@0/conv"],
    ["right", "encoder@1/conv"],
    ["encoder@0/conv", "difference"],
    ["encoder@1/conv", "difference"],
  ]);
});

test("A folded block is one node with the edges of all layers inside.", () => {
  const { nodes, edges } = graphOf(INPUTS, SIAMESE, ["encoder@0"]);
  expect(nodes.map((node) => node.address)).toEqual(["left", "right", "encoder@0", "encoder@1/conv", "difference"]);
  expect(edges).toContainEqual(["left", "encoder@0"]);
  expect(edges).toContainEqual(["encoder@0", "difference"]);
});

test("A fold hides folds inside it.", () => {
  const rows = [row("a/b/c", ["x"]), row("a/b", ["a/b/c"], "Block"), row("a", ["a/b"], "Block")];
  expect(shownRows(rows, ["a", "a/b"]).map(({ address }) => address)).toEqual(["a"]);
  expect(shownRows(rows, ["a/b"]).map(({ address }) => address)).toEqual(["a/b"]);
  expect(blocksOf(rows)).toEqual(["a", "a/b"]);
  expect(graphOf({ x: { shape: [] } }, rows, ["a"]).edges).toEqual([["x", "a"]]);
});

test("A chain reads one after the other; a skip makes it none.", () => {
  const chain = [row("a", ["x"]), row("b", ["a"])];
  expect(isChain(graphOf({ x: { shape: [] } }, chain, []))).toBe(true);
  expect(isChain(graphOf({ x: { shape: [] } }, [...chain, row("c", ["a", "b"])], []))).toBe(false);
  expect(isChain(graphOf(INPUTS, SIAMESE, []))).toBe(false);
});
