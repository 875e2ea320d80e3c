/** Writes float32 tensors as a safetensors file. Source: github.com/huggingface/safetensors, "Format". */

const LENGTH_BYTES = 8;

export interface Floats {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

export function writeSafetensors(tensors: Readonly<Record<string, Floats>>): Blob {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { shape, values }]) => {
    const begin = end;
    end += values.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }] as const;
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = new DataView(new ArrayBuffer(LENGTH_BYTES));
  length.setBigUint64(0, BigInt(header.length), true);
  return new Blob([length.buffer, header, ...Object.values(tensors).map(({ values }) => values)]);
}
