import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readNpy, readSafetensors, writeNpy } from "../src/index.ts";
import { python } from "./python.ts";

const folder = mkdtempSync(join(tmpdir(), "layerscope-"));
const DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split(" ");
const WRITE = `
import json, sys
import ml_dtypes, numpy as np
from safetensors.numpy import save_file
folder, *dtypes = sys.argv[1:]
values = np.arange(6).reshape(1, 2, 3) * 7
arrays = {dtype: (values - (0 if dtype[0] == "u" else 20)).astype(dtype) for dtype in dtypes}
arrays["bool"] = values % 2 == 0
for dtype, array in arrays.items():
    np.save(f"{folder}/{dtype}.npy", array)
arrays["bfloat16"] = (values / 8).astype(ml_dtypes.bfloat16)
save_file(arrays, f"{folder}/all.safetensors", metadata={"a": "b"})
np.save(f"{folder}/scalar.npy", np.float32(2.5))
np.save(f"{folder}/fortran.npy", np.asfortranarray(values))
np.save(f"{folder}/text.npy", np.array(["a"]))
print(json.dumps({dtype: array.astype("f8").ravel().tolist() for dtype, array in arrays.items()}))
`;
const READ =
  "import numpy as np, sys; a = np.load(sys.argv[1]); print([[a.dtype.name], list(a.shape), a.ravel().tolist()]".concat(
    ".__repr__().replace(chr(39), chr(34)))",
  );
let written: Record<string, number[]>;

function bytesOf(name: string): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = readFileSync(join(folder, name));
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}

beforeAll(() => {
  written = python(WRITE, folder, ...DTYPES) as typeof written;
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("safetensors", () => {
  test("has the numbers that the Python package wrote, of every dtype", () => {
    const { tensors, metadata } = readSafetensors(bytesOf("all.safetensors"));
    const read = Object.fromEntries([...tensors].map(([name, { data }]) => [name, Array.from(data, Number)]));
    expect(read).toEqual(written);
    expect([...tensors.values()].map(({ shape }) => shape)).toEqual(Array(13).fill([1, 2, 3]));
    expect([...tensors].every(([name, { dtype }]) => dtype === name)).toBe(true);
    expect(metadata).toEqual({ a: "b" });
  });

  test("is read without copying, except halves and what is not aligned", () => {
    const file = bytesOf("all.safetensors");
    const { tensors } = readSafetensors(file);
    const copied = [...tensors].filter(([, { data }]) => data.buffer !== file).map(([name]) => name);
    expect(copied.sort()).toEqual(["bfloat16", "float16"]);
  });

  test("is refused where it is cut off, or a tensor has other bytes than its shape", () => {
    const file = bytesOf("all.safetensors");
    expect(() => readSafetensors(file.slice(0, 40))).toThrow(RangeError);
    expect(() => readSafetensors(file.slice(0, -1))).toThrow(RangeError);
    const text = '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}';
    const short = new Uint8Array([text.length, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(text), 0, 0, 0, 0]);
    expect(() => readSafetensors(short.buffer)).toThrow("x has 4 bytes, which is not F32 of shape [2]");
  });

  test("may have its tensors at any offset", () => {
    const text =
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}';
    const head = new TextEncoder().encode(text.padEnd(112));
    const file = new Uint8Array([112, 0, 0, 0, 0, 0, 0, 0, ...head, 9, 0, 0, 192, 63]);
    expect(readSafetensors(file.buffer).tensors.get("b")?.data).toEqual(new Float32Array([1.5]));
  });
});

describe("npy", () => {
  test.each([...DTYPES, "bool"])("has the numbers that NumPy wrote: %s", (dtype) => {
    const tensor = readNpy(bytesOf(`${dtype}.npy`));
    expect([tensor.dtype, tensor.shape]).toEqual([dtype, [1, 2, 3]]);
    expect(Array.from(tensor.data, Number)).toEqual(written[dtype]);
  });

  test("of one number has no axes", () => {
    expect(readNpy(bytesOf("scalar.npy"))).toEqual({ dtype: "float32", shape: [], data: new Float32Array([2.5]) });
  });

  test.each(["fortran.npy", "text.npy", "all.safetensors"])("is refused if it has something else: %s", (name) => {
    expect(() => readNpy(bytesOf(name))).toThrow(TypeError);
  });

  test.each([
    ["float32", new Float32Array([1.5, -2, 0.25])],
    ["float64", new Float64Array([1.5, -2, 0.1])],
    ["int8", new Int8Array([-128, 0, 127])],
    ["int64", new BigInt64Array([-1n, 2n, 3n])],
    ["uint8", new Uint8Array([0, 1, 255])],
    ["uint32", new Uint32Array([0, 1, 4294967295])],
  ] as const)("is what NumPy reads: %s", async (dtype, data) => {
    const path = join(folder, "written.npy");
    writeFileSync(path, new Uint8Array(await writeNpy(data, [1, 3]).arrayBuffer()));
    expect(python(READ, path)).toEqual([[dtype], [1, 3], Array.from(data, Number)]);
  });
});

describe("halves", () => {
  const file = (code: string, values: Uint16Array): ArrayBuffer => {
    const text = `{"x":{"dtype":"${code}","shape":[${values.length}],"data_offsets":[0,${values.byteLength}]}}`;
    const head = new TextEncoder().encode(text.padEnd(128));
    const bytes = new Uint8Array(136 + values.byteLength);
    bytes.set([128]);
    bytes.set(head, 8);
    bytes.set(new Uint8Array(values.buffer), 136);
    return bytes.buffer;
  };
  const every = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

  test("float16 is widened as the platform's Float16Array does, all 65,536 of them", () => {
    const widened = readSafetensors(file("F16", every)).tensors.get("x")?.data;
    expect(widened).toEqual(Float32Array.from(new Float16Array(every.buffer)));
  });

  test("bfloat16 is widened as its definition says, all 65,536 of them", () => {
    const widened = readSafetensors(file("BF16", every)).tensors.get("x")?.data;
    const numberOf = (bits: number): number => {
      const [exponent, fraction] = [(bits >> 7) & 0xff, bits & 0x7f];
      const special = fraction === 0 ? Infinity : NaN;
      const finite = exponent === 0 ? fraction * 2 ** -133 : (128 + fraction) * 2 ** (exponent - 134);
      return (bits & 0x8000 ? -1 : 1) * (exponent === 255 ? special : finite);
    };
    expect(widened).toEqual(Float32Array.from(every, numberOf));
  });
});
