import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Document, Layerscope, UnknownAddress } from "../src/index.ts";
import { python } from "./python.ts";

const ls = new Layerscope(inject("url"));
const folder = mkdtempSync(join(tmpdir(), "layerscope-"));
const EXAMPLES = new URL("../../../examples/", import.meta.url);
const DIGITS = JSON.parse(readFileSync(new URL("digits.json", EXAMPLES), "utf8")) as Document;
const SIAMESE = JSON.parse(readFileSync(new URL("siamese.json", EXAMPLES), "utf8")) as Document;
const PICTURE = new Blob([new Uint8Array(readFileSync(new URL("digit.png", EXAMPLES)))]);
/** A network in Keras on numbers that both sides know: what it computes, layer by layer. */
const KERAS = `
import json, sys
import keras, numpy as np
keras.utils.set_random_seed(7)
inputs = keras.Input((6, 6, 2))
conv = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
dense = keras.layers.Dense(3, activation="softmax", name="dense")(keras.layers.Flatten(name="flat")(conv))
model = keras.Model(inputs, dense)
model.save(f"{sys.argv[1]}/keras.keras")
values = np.sin(np.arange(144, dtype="float32")).reshape(2, 6, 6, 2)
outputs = keras.Model(inputs, [conv, dense])(values)
print(json.dumps([np.asarray(one).ravel().tolist() for one in outputs]))
`;
const VALUES = { shape: [2, 6, 6, 2], data: Float32Array.from({ length: 144 }, (_, index) => Math.sin(index)) };
let conv: number[];
let dense: number[];

function close(received: Iterable<number | bigint>, expected: number[]): void {
  expect(
    Math.max(...Array.from(received, (value, index) => Math.abs(Number(value) - (expected[index] as number)))),
  ).toBeLessThan(1e-5);
}

beforeAll(async () => {
  [conv, dense] = python(KERAS, folder) as [number[], number[]];
  await ls.put("ts-keras", readFileSync(join(folder, "keras.keras")), { labels: ["a", "b", "c"] });
  await ls.put("ts-digits", DIGITS);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("activations", () => {
  test("are those of Keras, of a file that Keras wrote", async () => {
    const run = await ls.model("ts-keras").activations(VALUES, { layers: ["conv", "dense"], stats: true });
    expect([...run.tensors.keys()]).toEqual(["conv", "dense"]);
    expect(run.get("conv").shape).toEqual([2, 4, 4, 4]);
    close(run.get("conv").data, conv);
    close(run.get("dense").data, dense);
    expect(run.reply.layers.map((layer) => [layer.address, layer.type])).toEqual([
      ["conv", "Conv2D"],
      ["dense", "Dense"],
    ]);
    expect(run.reply.layers[0]?.stats?.max).toBeCloseTo(Math.max(...conv), 5);
    expect(run.reply.layers[1]?.labels).toEqual(["a", "b", "c"]);
  });

  test("are the same bits in every format", async () => {
    const model = ls.model("ts-keras");
    const run = await model.activations(VALUES, { layers: "dense" });
    const npy = await model.activations(VALUES, { layers: "dense", format: "npy" });
    const json = await model.activations(VALUES, { layers: "dense", format: "json" });
    const npz = await model.activations(VALUES, { layers: "dense", format: "npz" });
    expect(npy.data).toEqual(run.get("dense").data);
    expect(Float32Array.from(json.layers.flatMap((layer) => layer.data as number[][]).flat())).toEqual(npy.data);
    expect(new TextDecoder().decode(new Uint8Array(await npz.slice(0, 2).arrayBuffer()))).toBe("PK");
  });

  test("of a document in the request are those of the registered one", async () => {
    const [inline, registered] = await Promise.all([
      ls.model(DIGITS).activations(PICTURE, { layers: ["conv2d", "dense:pre"] }),
      ls.model("ts-digits").activations(PICTURE, { layers: ["conv2d", "dense:pre"] }),
    ]);
    expect(inline.tensors).toEqual(registered.tensors);
    expect(registered.reply.model.name).toBe("ts-digits");
    expect(() => inline.get("dense")).toThrow("the reply has no dense; it has conv2d, dense:pre");
  });

  test("take files in every form, pictures as a batch, nested numbers, and a tensor of a reply", async () => {
    const model = ls.model("ts-digits");
    const bytes = await PICTURE.arrayBuffer();
    const layers = "dense:pre";
    const one = (await model.activations(PICTURE, { layers })).get(layers).data;
    for (const input of [bytes, new Uint8Array(bytes), new File([bytes], "digit.png")]) {
      expect((await model.activations(input, { layers })).get(layers).data).toEqual(one);
    }
    const batch = (await model.activations([PICTURE, bytes], { layers })).get(layers);
    expect(batch.shape).toEqual([2, 10]);
    expect([...batch.data].map((value) => Number(value).toFixed(2))).toEqual(
      [...one, ...one].map((value) => Number(value).toFixed(2)),
    );
  });

  test("take nested numbers, and a tensor of a reply", async () => {
    const document: Document = { input: [2], layers: [{ type: "Rescaling", scale: 3 }] };
    const run = await ls.model(document).activations([
      [1, -2],
      [0.5, 4],
    ]);
    expect(run.get("rescaling")).toEqual({ dtype: "float32", shape: [2, 2], data: new Float32Array([3, -6, 1.5, 12]) });
    const flat = await ls.model(document).activations({ shape: [2, 2], data: [1, -2, 0.5, 4] });
    expect(flat.tensors).toEqual(run.tensors);
    const again = await ls.model(document).activations(run.get("rescaling"));
    expect(again.get("rescaling").data).toEqual(new Float32Array([9, -18, 4.5, 36]));
  });

  test("take several inputs by their names", async () => {
    const zeros = { shape: [1, 28, 28, 1], data: new Uint8Array(784) };
    const run = await ls
      .model(SIAMESE)
      .activations({ left: PICTURE, right: zeros }, { layers: ["difference", "same"] });
    const swapped = await ls.model(SIAMESE).activations({ left: zeros, right: PICTURE }, { layers: "difference" });
    expect(swapped.get("difference").data).toEqual(run.get("difference").data.map((value) => -value as never));
  });

  test("come through views, by selector, and after edits", async () => {
    const model = ls.model("ts-keras");
    const seen = await model.activations(VALUES, {
      layers: ["conv", "dense"],
      reduce: { conv: "max@h,w" },
      top: { dense: 1 },
    });
    expect(seen.get("conv").shape).toEqual([2, 4]);
    const best = [0, 1].map((item) => Math.max(...dense.slice(3 * item, 3 * item + 3)));
    close(seen.get("dense:values").data, best);
    expect(seen.get("dense:indices").data).toBeInstanceOf(BigInt64Array);
    const half = await model.activations(VALUES, { layers: "conv", dtype: "float16" });
    expect([half.get("conv").dtype, half.get("conv").data]).toEqual([
      "float16",
      Float32Array.from(Float16Array.from(conv)),
    ]);
    const edited = await model.activations(VALUES, { layers: "dense", edits: [{ at: "conv", zero: true }] });
    expect(edited.reply.edits).toEqual([{ addresses: ["conv"], changed: conv.filter((value) => value !== 0).length }]);
    close(edited.get("dense").data, Array(6).fill(1 / 3));
  });

  test("are pictures with the range of their colours", async () => {
    const picture = await ls.model("ts-keras").activations(VALUES, { layers: "conv", format: "png", cmap: "viridis" });
    expect(picture.blob.type).toBe("image/png");
    expect(picture.range?.[1]).toBeCloseTo(Math.max(...conv), 4);
  });

  test("come line by line", async () => {
    const stream = await ls.model("ts-keras").activations(VALUES, { format: "jsonl", data: "none" });
    const addresses: string[] = [];
    for await (const layer of stream.layers) addresses.push(layer.address);
    expect(stream.head.model.name).toBe("ts-keras");
    expect(addresses).toEqual(["conv", "flat", "dense"]);
  });

  test("of an address that is none are an error with what to write", async () => {
    const error = await ls
      .model("ts-keras")
      .activations(VALUES, { layers: "convv" })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UnknownAddress);
    expect(error).toMatchObject({ status: 422, code: "unknown_address", pointers: ["/layers/0"], received: '"convv"' });
    expect((error as UnknownAddress).suggestion).toContain("conv");
    expect((error as UnknownAddress).requestId).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("questions", () => {
  test("explain: input times gradient of a dense layer is complete", async () => {
    const document: Document = { input: [4], layers: [{ type: "Dense", units: 2, use_bias: false }] };
    const model = ls.model(document);
    const input = { shape: [1, 4], data: new Float32Array([1, -2, 3, 0.5]) };
    const target = { address: "dense", index: [1] };
    const run = await model.explain(input, { method: "input_x_gradient", of: target });
    const value = (await model.activations(input)).get("dense").data[1] as number;
    const sum = Array.from(run.get("input").data, Number).reduce((total, one) => total + one, 0);
    expect(sum).toBeCloseTo(value, 5);
    expect(Number(run.reply.target.scores[0])).toBeCloseTo(value, 5);
    const picture = await ls.model("ts-digits").explain(PICTURE, { method: "grad_cam", overlay: true, format: "png" });
    expect(picture.blob.size).toBeGreaterThan(100);
  });

  test("compare: sides differ in input, precision or edits", async () => {
    const model = ls.model("ts-keras");
    const same = await model.compare(VALUES, { b: {}, layers: ["conv", "dense"] });
    expect([same.equal, same.first_divergence]).toEqual([true, null]);
    const zeros = { shape: [2, 6, 6, 2], data: new Float32Array(144) };
    const inputs = await model.compare(VALUES, { b: { inputs: zeros }, layers: "conv", data: "nested" });
    expect([inputs.equal, inputs.first_divergence]).toEqual([false, "conv"]);
    const tensors = await model.compare(VALUES, { b: { inputs: zeros }, layers: "conv", format: "safetensors" });
    close(tensors.get("conv").data, conv);
    const precision = await model.compare(VALUES, { b: { dtype: "float16" }, tolerance: { rtol: 1e-2, atol: 1e-2 } });
    expect([precision.equal, precision.close]).toEqual([false, true]);
    const pictures = await ls.model(DIGITS).compare(undefined, { a: { inputs: PICTURE }, b: { inputs: [PICTURE] } });
    expect(pictures.equal).toBe(true);
  });

  test("arithmetic: the terms add up to the value", async () => {
    const reply = await ls.model("ts-keras").arithmetic(VALUES, { of: "conv[0, 1, 2, 3]" });
    expect(reply.value).toBeCloseTo(conv[(1 * 4 + 2) * 4 + 3] as number, 5);
    const step = reply.steps[0];
    const sum = step?.terms.reduce((total, term) => total + Number(term.product), 0) ?? NaN;
    expect(sum + Number(step?.bias ?? 0)).toBeCloseTo(Number(step?.sum), 5);
  });

  test("diagnose: a dead unit is found", async () => {
    const reply = await ls.model("ts-keras").diagnose(VALUES, { edits: [{ at: "conv", zero: true }] });
    expect(reply.layers.map((layer) => layer.address)).toEqual(["conv", "flat", "dense"]);
    const dead = reply.findings.find((one) => one.address === "conv" && one.finding === "constant_channels");
    expect(dead?.evidence["items"]).toBe(2);
  });

  test("plan: of a document and of a name", async () => {
    const inline = await ls.model(DIGITS).plan({ batch: 4, layers: ["conv2d"] });
    const registered = await ls.model("ts-digits").plan({ batch: 4, layers: ["conv2d"] });
    expect(inline.reply_bytes).toBe(4 * 28 * 28 * 3 * 4);
    expect(registered.layers).toEqual(inline.layers);
    expect(registered.model.name).toBe("ts-digits");
  });

  test("weights: those of Keras, as tensors", async () => {
    const weights = await ls.model("ts-keras").weights();
    expect([...weights.tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ["weights/conv/kernel", [3, 3, 2, 4]],
      ["weights/conv/bias", [4]],
      ["weights/dense/kernel", [64, 3]],
      ["weights/dense/bias", [3]],
    ]);
    const layer = await ls.model("ts-keras").weights({ layer: "conv" });
    expect(layer.get("weights/conv/kernel").data).toEqual(weights.get("weights/conv/kernel").data);
  });
});
