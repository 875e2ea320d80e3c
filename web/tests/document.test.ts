import { expect, test } from "vitest";
import {
  duplicate,
  hasLayers,
  insert,
  layerAt,
  layersAt,
  move,
  remove,
  setArgument,
} from "../src/network/editor/document.ts";
import { keyed, NONE } from "../src/network/editor/layer_keys.ts";

const relu = { type: "ReLU" };
const conv = { type: "Conv2D", filters: 3, name: "c" };
const block = { type: "Block", name: "b", layers: [conv, relu] };
const document = { input: [8, 8, 1], layers: [conv, block] };

test("Layers are found by their place, inside blocks, too.", () => {
  expect(layersAt(document, [1])).toEqual([conv, relu]);
  expect(layerAt(document, [1, 0])).toEqual(conv);
  expect(layerAt(document, [4])).toBeUndefined();
});

test("A layer is inserted, removed and moved within its list, and nothing else changes.", () => {
  expect(insert(document, [2], relu)).toEqual({ ...document, layers: [conv, block, relu] });
  expect(insert(document, [1, 1], conv)["layers"]).toEqual([conv, { ...block, layers: [conv, conv, relu] }]);
  expect(remove(document, [0])["layers"]).toEqual([block]);
  expect(remove(document, [1, 1])["layers"]).toEqual([conv, { ...block, layers: [conv] }]);
  expect(move(document, [0], 1)["layers"]).toEqual([block, conv]);
  expect(move(document, [1, 1], 0)["layers"]).toEqual([conv, { ...block, layers: [relu, conv] }]);
});

test("A copy has no name, since names are unique.", () => {
  expect(duplicate(document, [0])["layers"]).toEqual([conv, { type: "Conv2D", filters: 3 }, block]);
});

test("An argument is set in place, and left out by undefined.", () => {
  expect(setArgument(document, [1, 0], "filters", 5)["layers"]).toEqual([
    conv,
    { ...block, layers: [{ ...conv, filters: 5 }, relu] },
  ]);
  expect(setArgument(document, [0], "name", undefined)["layers"]).toEqual([{ type: "Conv2D", filters: 3 }, block]);
});

test("The document that is edited is left as it was, for undo.", () => {
  const before = structuredClone(document);
  remove(setArgument(document, [1, 0], "filters", 5), [0]);
  expect(document).toEqual(before);
});

test("Only a document with a list of typed layers can be edited by layers.", () => {
  expect(hasLayers(document)).toBe(true);
  expect(hasLayers({ application: "VGG16" })).toBe(false);
  expect(hasLayers({ class_name: "Sequential", config: { layers: [] } })).toBe(false);
});

test("A layer keeps its key when it is moved, and when an argument of it changes.", () => {
  const first = keyed(NONE, layersAt(document));
  const moved = keyed(first, layersAt(move(document, [0], 1)));
  expect([first.keys, moved.keys]).toEqual([
    [0, 1],
    [1, 0],
  ]);
  const changed = keyed(moved, layersAt(setArgument(move(document, [0], 1), [1], "filters", 9)));
  expect(changed.keys).toEqual([1, 0]);
  const copied = keyed(first, layersAt(duplicate(document, [0])));
  expect(new Set(copied.keys).size).toBe(3);
  expect([copied.keys[0], copied.keys[2]]).toEqual([0, 1]);
  expect(keyed(first, layersAt(remove(document, [0]))).keys).toEqual([1]);
});
