/** Files of safetensors. Source: huggingface/safetensors, README "Format". */

import { bytesOf, type DType, type Tensor, tensorAt } from "./dtypes.ts";

const METADATA = "__metadata__";
const LENGTH_BYTES = 8;

const DTYPES: Readonly<Record<string, DType>> = {
  F16: "float16",
  BF16: "bfloat16",
  F32: "float32",
  F64: "float64",
  I8: "int8",
  I16: "int16",
  I32: "int32",
  I64: "int64",
  U8: "uint8",
  U16: "uint16",
  U32: "uint32",
  U64: "uint64",
  BOOL: "bool",
};

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/**
 * The tensors of a file, in its order, as views of its bytes.
 *
 * @throws RangeError, SyntaxError or TypeError for a file that is cut off or damaged.
 */
export function readSafetensors(file: ArrayBuffer): Safetensors {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const start = LENGTH_BYTES + length;
  if (start > file.byteLength) {
    throw new RangeError(`the file has ${file.byteLength} bytes, of at least ${start}`);
  }
  const { [METADATA]: metadata = {}, ...entries } = JSON.parse(
    new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(file, LENGTH_BYTES, length)),
  );
  const tensors = Object.entries(entries as Record<string, Entry>);
  return { metadata, tensors: new Map(tensors.map(([name, entry]) => [name, tensorOf(file, start, name, entry)])) };
}

function tensorOf(file: ArrayBuffer, start: number, name: string, entry: Entry): Tensor {
  const dtype = DTYPES[entry.dtype];
  if (dtype === undefined) {
    throw new TypeError(`${name} has the dtype ${entry.dtype}; expected one of ${Object.keys(DTYPES).join(", ")}`);
  }
  const [begin, end] = entry.data_offsets;
  if (end - begin !== bytesOf(dtype, entry.shape)) {
    throw new RangeError(`${name} has ${end - begin} bytes, which is not ${entry.dtype} of shape [${entry.shape}]`);
  }
  return tensorAt(file, start + begin, dtype, entry.shape);
}
