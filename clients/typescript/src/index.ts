/** The client of a Layerscope service, for browsers, workers, Node and Deno. */

export type { Fetch, LayerscopeOptions } from "./connection.ts";
export type { DType, Tensor, TypedArray } from "./dtypes.ts";
export * from "./error_classes.ts";
export { LayerscopeError, Unreachable } from "./errors.ts";
export type { FileContent, Input, Nested, OneInput, Values } from "./inputs.ts";
export { jsonOf } from "./inputs.ts";
export { Layerscope, type PutOptions } from "./layerscope.ts";
export { Model, RegisteredModel } from "./model.ts";
export { readNpy, writeNpy } from "./npy.ts";
export { type Format, type Picture, type Replies, Run, type Stream } from "./replies.ts";
export { readSafetensors, type Safetensors } from "./safetensors.ts";
export type * from "./types.ts";
