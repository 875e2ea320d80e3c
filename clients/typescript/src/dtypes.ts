/** Typed arrays of tensors, by dtype. JavaScript's are little-endian on every platform that has a browser or Node. */

export type TypedArray =
  | Float32Array<ArrayBufferLike>
  | Float64Array<ArrayBufferLike>
  | Int8Array<ArrayBufferLike>
  | Int16Array<ArrayBufferLike>
  | Int32Array<ArrayBufferLike>
  | BigInt64Array<ArrayBufferLike>
  | Uint8Array<ArrayBufferLike>
  | Uint16Array<ArrayBufferLike>
  | Uint32Array<ArrayBufferLike>
  | BigUint64Array<ArrayBufferLike>;

export type DType =
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool";

/** Values in C order. Those of float16 and bfloat16 are widened to a Float32Array, those of bool are 0 and 1. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

interface Storage {
  readonly bytes: number;
  readonly view: (buffer: ArrayBuffer, offset: number, length: number) => TypedArray;
}

const STORAGE: Record<DType, Storage> = {
  float16: { bytes: 2, view: (...place) => widened(new Uint16Array(...place), float16Bits, 2 ** 112) },
  bfloat16: { bytes: 2, view: (...place) => widened(new Uint16Array(...place), (half) => half << 16, 1) },
  float32: { bytes: 4, view: (...place) => new Float32Array(...place) },
  float64: { bytes: 8, view: (...place) => new Float64Array(...place) },
  int8: { bytes: 1, view: (...place) => new Int8Array(...place) },
  int16: { bytes: 2, view: (...place) => new Int16Array(...place) },
  int32: { bytes: 4, view: (...place) => new Int32Array(...place) },
  int64: { bytes: 8, view: (...place) => new BigInt64Array(...place) },
  uint8: { bytes: 1, view: (...place) => new Uint8Array(...place) },
  uint16: { bytes: 2, view: (...place) => new Uint16Array(...place) },
  uint32: { bytes: 4, view: (...place) => new Uint32Array(...place) },
  uint64: { bytes: 8, view: (...place) => new BigUint64Array(...place) },
  bool: { bytes: 1, view: (...place) => new Uint8Array(...place) },
};

/**
 * The tensor at an offset of a file, without copying it: its `data` is a view of `buffer`. Two things are copied, since
 * they cannot be viewed: halves, which are widened, and tensors at an offset that is no multiple of their item size.
 *
 * @throws RangeError where the file ends before the tensor does.
 */
export function tensorAt(buffer: ArrayBuffer, offset: number, dtype: DType, shape: readonly number[]): Tensor {
  const { bytes, view } = STORAGE[dtype];
  const length = shape.reduce((size, axis) => size * axis, 1);
  const end = offset + length * bytes;
  if (end > buffer.byteLength) {
    throw new RangeError(`the file has ${buffer.byteLength} bytes, of at least ${end}`);
  }
  const data = offset % bytes === 0 ? view(buffer, offset, length) : view(buffer.slice(offset, end), 0, length);
  return { dtype, shape, data };
}

/** The dtype of an array's items. */
export function dtypeOf(data: TypedArray): DType {
  const kind = [Float32Array, Float64Array].some((type) => data instanceof type) ? "float" : integer(data);
  return `${kind}${data.BYTES_PER_ELEMENT * 8}` as DType;
}

function integer(data: TypedArray): "int" | "uint" {
  return [Int8Array, Int16Array, Int32Array, BigInt64Array].some((type) => data instanceof type) ? "int" : "uint";
}

/** The number of bytes that a tensor has in a file. */
export function bytesOf(dtype: DType, shape: readonly number[]): number {
  return shape.reduce((size, axis) => size * axis, STORAGE[dtype].bytes);
}

/** Floats whose bits are made of those of halves; a factor corrects the bias of the exponent, exactly. */
function widened(halves: Uint16Array, bitsOf: (half: number) => number, factor: number): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let index = 0; index < halves.length; index += 1) {
    bits[index] = bitsOf(halves[index] as number);
    floats[index] = (floats[index] as number) * factor;
  }
  return floats;
}

/** IEEE 754-2019 section 3.6: five bits of exponent with bias 15 under eight with bias 127; the factor does the rest. */
function float16Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const isSpecial = (half & 0x7c00) === 0x7c00;
  return sign | ((half & 0x7fff) << 13) | (isSpecial ? 0x7f800000 : 0);
}
