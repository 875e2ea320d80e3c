/** The names of what is sent and received, all taken from the OpenAPI document. */

import type { components, paths } from "./api.ts";
import type { Input } from "./inputs.ts";

type Schemas = components["schemas"];
type RunPath = "activations" | "arithmetic" | "comparisons" | "diagnoses" | "explanations";
type JsonOf<Path extends `/v1/${RunPath | "plan"}`> = NonNullable<
  paths[Path]["post"]["requestBody"]
>["content"]["application/json"];
type OptionsOf<Path extends RunPath> = Omit<JsonOf<`/v1/${Path}`>, "format" | "inputs" | "model">;

export type ActivationsReply = Schemas["ActivationsReply"];
export type ArithmeticReply = Schemas["ArithmeticReply"];
export type ComparisonReply = Schemas["ComparisonReply"];
export type DiagnosisReply = Schemas["DiagnosisReply"];
export type ExplanationReply = Schemas["ExplanationReply"];
export type LayerReply = Schemas["LayerReply"];
export type LayerType = Schemas["LayerType"];
export type LayerTypeList = Schemas["LayerTypeList"];
export type ModelList = Schemas["ModelList"];
export type ModelSummary = Schemas["ModelSummary"];
export type PlanReply = Schemas["PlanReply"];
export type ProblemDocument = Schemas["ProblemDocument"];
export type ErrorCode = ProblemDocument["code"];
export type ProblemItem = Schemas["ProblemItem"];
export type Readiness = Schemas["Readiness"];
export type RegisteredModelReply = Schemas["RegisteredModel"];
export type WeightsReply = Schemas["WeightsReply"];
export type Version = Schemas["Version"];

/** Names of schemas that have these members, without the catch-alls of documents from elsewhere. */
type NamesWith<Members> = {
  [Name in keyof Schemas]: Name extends `Any${string}` ? never : Schemas[Name] extends Members ? Name : never;
}[keyof Schemas];

/** A layer with the arguments of its `type`. */
export type Layer =
  | Schemas[Exclude<NamesWith<Schemas["Layer"]>, "Block" | "Layer">]
  | (Omit<Schemas["Block"], "layers" | "type"> & { type: "Block"; layers: readonly Layer[] })
  | { type: "Input" | "InputLayer"; [argument: string]: unknown };

/** A network of keras.applications. */
export type Application = Schemas[NamesWith<{ application: string }>];

/** A network: a document, its list of layers, a name of keras.applications, or the JSON of Keras or TensorFlow.js. */
export type Document =
  | (Omit<Schemas["Document"], "layers"> & { layers: readonly Layer[] })
  | readonly Layer[]
  | Application
  | Schemas["KerasModel"]
  | { modelTopology: object }
  | { model_config: Schemas["KerasModel"] };

export type ActivationOptions = OptionsOf<"activations">;
export type ArithmeticOptions = OptionsOf<"arithmetic">;
type Compared = OptionsOf<"comparisons">;
type SideOf<Name extends "a" | "b"> = Omit<Exclude<Compared[Name], string | null | undefined>, "inputs" | "model">;

/** One side of a comparison: a document or the name of a registered model, inputs, edits, training, a policy. */
export type ComparisonSide = SideOf<"a"> & { readonly inputs?: Input; readonly model?: Document | string };
export type ComparisonOptions = Omit<Compared, "a" | "b"> & { readonly a?: ComparisonSide; readonly b: ComparisonSide };
export type DiagnosisOptions = OptionsOf<"diagnoses">;
export type ExplanationOptions = OptionsOf<"explanations">;
export type PlanOptions = Omit<JsonOf<"/v1/plan">, "model">;

/** What every request takes. */
export interface Cancellable {
  /** Gives the request up; its promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}
