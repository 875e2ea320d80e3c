/** Inputs of a network, as parts of a form or, in the sides of a comparison, as JSON. */

import { dtypeOf, type TypedArray } from "./dtypes.ts";
import { writeNpy } from "./npy.ts";

/** Numbers nested as the axes are. */
export type Nested = number | boolean | readonly Nested[];

/** Values in C order with their shape, the batch first; a `Tensor` of a reply is one. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: TypedArray | readonly number[];
}

/** Those in a typed array, which are sent as their bytes. */
interface TypedValues extends Values {
  readonly data: TypedArray;
}

/** A picture or a file of tensors, recognised by its bytes. A bare Uint8Array is one, too: Node reads files into it. */
export type FileContent = Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>;

/** What one input of a network takes: a file, several pictures (a batch), values with a shape, or nested numbers. */
export type OneInput = FileContent | readonly FileContent[] | Values | Nested;

/** The network's input, or an object of several by their names. */
export type Input = OneInput | { readonly [name: string]: OneInput };

const FILE = "image";
const ARRAY = "tensor";
const NESTED = "inputs";

/** Adds the input to a form. */
export function appendInput(form: FormData, input: Input): void {
  if (isOne(input)) {
    append(form, fieldOf(input), input);
    return;
  }
  for (const [name, one] of Object.entries(input)) {
    append(form, `${NESTED}.${name}`, one);
  }
}

/** The input as the JSON of a request, with pictures and values as base64. */
export async function jsonOf(input: Input): Promise<unknown> {
  if (!isOne(input)) {
    const pairs = Object.entries(input).map(async ([name, one]) => [name, await jsonOf(one)] as const);
    return Object.fromEntries(await Promise.all(pairs));
  }
  if (isTyped(input)) {
    const { buffer, byteOffset, byteLength } = input.data;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    return { shape: input.shape, dtype: dtypeOf(input.data), base64: base64(bytes) };
  }
  if (isFile(input)) {
    return { image: await base64OfFile(input) };
  }
  return isFiles(input) ? { image: await Promise.all(input.map(base64OfFile)) } : input;
}

/** The content as a Blob, which a form and a body take. */
export function blobOf(file: FileContent): Blob {
  return file instanceof Blob ? file : new Blob([file as BlobPart]);
}

export function isFile(value: unknown): value is FileContent {
  return value instanceof Blob || value instanceof ArrayBuffer || value instanceof Uint8Array;
}

function append(form: FormData, name: string, input: OneInput): void {
  if (isFile(input)) {
    form.append(name, blobOf(input), "file");
  } else if (isTyped(input)) {
    form.append(name, writeNpy(input.data, checkedShape(input)), "file.npy");
  } else if (isFiles(input)) {
    for (const file of input) form.append(name, blobOf(file), "file");
  } else {
    form.append(name, JSON.stringify(input));
  }
}

function fieldOf(input: OneInput): string {
  return isFile(input) || isFiles(input) ? FILE : isTyped(input) ? ARRAY : NESTED;
}

function isOne(input: Input): input is OneInput {
  if (isNumbers(input) && !isFile(input)) {
    throw new TypeError("an array of one axis is no input; write {shape: [1, 28, 28, 1], data: …}, the batch first");
  }
  return typeof input !== "object" || Array.isArray(input) || isFile(input) || isValues(input);
}

function isFiles(input: OneInput): input is readonly FileContent[] {
  return Array.isArray(input) && input.length > 0 && input.every(isFile);
}

function isValues(input: object): input is Values {
  return "shape" in input && "data" in input && (isNumbers(input.data) || Array.isArray(input.data));
}

function isTyped(input: OneInput): input is TypedValues {
  return typeof input === "object" && isValues(input) && isNumbers(input.data);
}

function isNumbers(data: unknown): boolean {
  return ArrayBuffer.isView(data) && !(data instanceof DataView);
}

function checkedShape({ shape, data }: Values): readonly number[] {
  if (shape.reduce((size, axis) => size * axis, 1) !== data.length) {
    throw new RangeError(`expected ${shape.join(" × ")} values; received ${data.length}`);
  }
  return shape;
}

async function base64OfFile(file: FileContent): Promise<string> {
  return base64(new Uint8Array(await blobOf(file).arrayBuffer()));
}

function base64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length; start += 0x8000) {
    pieces.push(String.fromCharCode(...bytes.subarray(start, start + 0x8000)));
  }
  return btoa(pieces.join(""));
}
