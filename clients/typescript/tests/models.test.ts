import { readFileSync } from "node:fs";
import { describe, expect, inject, test } from "vitest";
import { type Document, InvalidWeights, Layerscope, NotFound, readSafetensors } from "../src/index.ts";

const ls = new Layerscope(inject("url"));
const DIGITS = readFileSync(new URL("../../../examples/digits.json", import.meta.url));
const SMALL: Document = { input: [2], layers: [{ type: "Dense", units: 2 }] };

/** A safetensors file of float32 vectors and matrices. */
function safetensors(tensors: Record<string, [shape: number[], values: number[]]>): Blob {
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, [shape, values]]) => {
    const begin = offset;
    offset += 4 * values.length;
    return [name, { dtype: "F32", shape, data_offsets: [begin, offset] }];
  });
  const head = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const values = Object.values(tensors).flatMap(([, numbers]) => numbers);
  return new Blob([new BigUint64Array([BigInt(head.length)]), head, new Float32Array(values)]);
}

const WEIGHTS = safetensors({
  "dense/kernel": [
    [2, 2],
    [1, 2, 3, 4],
  ],
  "dense/bias": [[2], [10, 20]],
});

describe("models", () => {
  test("are put, listed, shown and deleted", async () => {
    const put = await ls.put("ts-listed", SMALL);
    expect(put.name).toBe("ts-listed");
    expect((await ls.models()).models.map((model) => model.name)).toContain("ts-listed");
    const shown = await ls.get("ts-listed");
    expect([shown.id, shown.parameters, shown.nodes.map((node) => node.address)]).toEqual([put.id, 6, ["dense"]]);
    expect((await ls.model(put.id).summary()).id).toBe(put.id);
    await ls.delete("ts-listed");
    await expect(ls.get("ts-listed")).rejects.toBeInstanceOf(NotFound);
  });

  test("come from a file of JSON as from its document", async () => {
    const fromFile = await ls.put("ts-file", new Blob(["\ufeff \n", new Uint8Array(DIGITS)]));
    const fromDocument = await ls.put("ts-document", JSON.parse(DIGITS.toString()));
    expect(fromFile.id).toBe(fromDocument.id);
    expect((await ls.model("ts-file").document()) as object).toMatchObject({ name: "digits", input: [28, 28, 1] });
  });

  test("compute with the weights of a file, put with them or later", async () => {
    const model = ls.model("ts-weights");
    const values = async () => (await model.activations([[1, 1]])).get("dense").data;
    await ls.put("ts-weights", SMALL, { weights: WEIGHTS });
    expect(await values()).toEqual(new Float32Array([14, 26]));
    const kept = await model.weights();
    await model.putWeights(
      safetensors({
        "dense/kernel": [
          [2, 2],
          [0, 0, 0, 0],
        ],
        "dense/bias": [[2], [5, 6]],
      }),
    );
    expect(await values()).toEqual(new Float32Array([5, 6]));
    expect(kept.get("weights/dense/kernel").data).toEqual(new Float32Array([1, 2, 3, 4]));
    expect(readSafetensors(await WEIGHTS.arrayBuffer()).tensors.get("dense/bias")?.data).toEqual(
      new Float32Array([10, 20]),
    );
  });

  test("have labels: a list, by output, or a file of text", async () => {
    const labels = async () => (await ls.get("ts-labels")).labels;
    await ls.put("ts-labels", SMALL, { labels: ["cat", "dog"] });
    expect(await labels()).toEqual({ dense: ["cat", "dog"] });
    await ls.put("ts-labels", SMALL, { labels: { dense: ["calm", "cross"] } });
    expect(await labels()).toEqual({ dense: ["calm", "cross"] });
    await ls.put("ts-labels", SMALL, { labels: new Blob(["0 rose\n1 tulip\n"]) });
    expect(await labels()).toEqual({ dense: ["rose", "tulip"] });
  });

  test("are refused with what does not fit", async () => {
    const weights = safetensors({
      "dense/kernel": [
        [3, 2],
        [1, 2, 3, 4, 5, 6],
      ],
      "dense/bias": [[2], [10, 20]],
    });
    const error = await ls.put("ts-refused", SMALL, { weights }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InvalidWeights);
    expect((error as InvalidWeights).message).toContain("kernel");
  });

  test("have pictures of their kernels", async () => {
    await ls.put("ts-kernel", DIGITS);
    const picture = await ls.model("ts-kernel").picture("conv2d", { cmap: "viridis", upscale: 4 });
    expect([picture.blob.type, picture.range?.length]).toEqual(["image/png", 2]);
  });
});

describe("the service", () => {
  test("tells its health, readiness and version", async () => {
    expect(await ls.health()).toBe(true);
    expect((await ls.ready()).ready).toBe(true);
    expect((await ls.version()).layerscope).toMatch(/^\d+\.\d+/);
  });

  test("has a catalogue of layers", async () => {
    expect((await ls.layers()).layers.map((layer) => layer.type)).toContain("Conv2D");
    await expect(ls.layer("Cov2D")).rejects.toMatchObject({ suggestion: expect.stringContaining("Conv") });
    const { type, arguments: schema } = await ls.layer("Conv2D");
    expect([type, Object.keys(schema["properties"] as object).includes("kernel_size")]).toEqual(["Conv2D", true]);
  });
});
