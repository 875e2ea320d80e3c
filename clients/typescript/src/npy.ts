/** Files of NumPy with one array. Source: numpy/lib/format.py, format versions 1.0 to 3.0. */

import { type DType, dtypeOf, type Tensor, type TypedArray, tensorAt } from "./dtypes.ts";

const MAGIC = "\x93NUMPY";
const ALIGNMENT = 64;

const DTYPES: Readonly<Record<string, DType>> = {
  "<f2": "float16",
  "<f4": "float32",
  "<f8": "float64",
  "|i1": "int8",
  "<i2": "int16",
  "<i4": "int32",
  "<i8": "int64",
  "|u1": "uint8",
  "<u2": "uint16",
  "<u4": "uint32",
  "<u8": "uint64",
  "|b1": "bool",
};

/**
 * The array of a file, as a view of its bytes.
 *
 * @throws TypeError for another file, Fortran order or a dtype without numbers; RangeError where it is cut off.
 */
export function readNpy(file: ArrayBuffer): Tensor {
  const view = new DataView(file);
  if (file.byteLength < 12 || latin1(file, 0, 6) !== MAGIC) {
    throw new TypeError("this is no .npy file: it does not begin with \\x93NUMPY");
  }
  const isFirstVersion = view.getUint8(6) === 1;
  const start = isFirstVersion ? 10 : 12;
  const length = isFirstVersion ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = latin1(file, start, length);
  return tensorAt(file, start + length, dtypeIn(header), shapeIn(header));
}

/** A .npy file of an array in C order. */
export function writeNpy(data: TypedArray, shape: readonly number[]): Blob {
  const descr = `${data.BYTES_PER_ELEMENT === 1 ? "|" : "<"}${dtypeOf(data)[0]}${data.BYTES_PER_ELEMENT}`;
  const axes = shape.map((axis) => `${axis},`).join(" ");
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${axes}), }`;
  const length = Math.ceil((10 + header.length + 1) / ALIGNMENT) * ALIGNMENT - 10;
  const head = new Uint8Array(10 + length).fill(0x20);
  head.set(Uint8Array.from(MAGIC, (letter) => letter.charCodeAt(0)));
  head.set([1, 0, length & 255, length >> 8], 6);
  head.set(new TextEncoder().encode(header), 10);
  head[head.length - 1] = 0x0a;
  return new Blob([head, data as TypedArray & BlobPart]);
}

function dtypeIn(header: string): DType {
  const descr = /'descr': *'([^']*)'/.exec(header)?.[1];
  const dtype = descr === undefined ? undefined : DTYPES[descr];
  if (dtype === undefined || !/'fortran_order': *False/.test(header)) {
    throw new TypeError(`the file has ${header.trim()}; expected C order and one of ${Object.keys(DTYPES).join(", ")}`);
  }
  return dtype;
}

function shapeIn(header: string): number[] {
  const axes = /'shape': *\(([^)]*)\)/.exec(header)?.[1];
  if (axes === undefined) {
    throw new TypeError(`the file has no shape in ${header.trim()}`);
  }
  return axes
    .split(",")
    .filter((axis) => axis.trim() !== "")
    .map(Number);
}

function latin1(file: ArrayBuffer, offset: number, length: number): string {
  return String.fromCharCode(...new Uint8Array(file, offset, length));
}
