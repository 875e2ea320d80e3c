/** The fields of a layer type, from the JSON Schema that the service has of it. */

import { isObject, type NetworkJson } from "../address.ts";

export interface FieldSchema {
  /** Keras' name of the argument. */
  readonly name: string;
  /** `flag` is true or false, `words` one of some; `text` is written. */
  readonly kind: "flag" | "words" | "text";
  readonly words: readonly string[];
  readonly isRequired: boolean;
  readonly initial: unknown;
  readonly description: string;
  /** Whether only few need it. */
  readonly isRare: boolean;
}

const HIDDEN = new Set(["type", "layers", "lora_rank", "lora_alpha"]);
const RARE = /^(name|inputs|calls|keywords|positional|trainable|dtype|data_format|seed)$|_(initializer|regularizer|constraint)$/;

/** The fields in the order in which they are asked for: the required first, then what the type has of its own. */
export function fieldsOf(schema: NetworkJson): FieldSchema[] {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const definitions = isObject(schema["$defs"]) ? schema["$defs"] : {};
  const fields = Object.entries(properties)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, property]) => field(name, isObject(property) ? property : {}, required.has(name), definitions));
  return fields.sort((one, other) => rank(one) - rank(other));
}

function rank({ isRequired, isRare }: FieldSchema): number {
  return isRequired ? 0 : isRare ? 2 : 1;
}

function field(name: string, property: NetworkJson, isRequired: boolean, definitions: NetworkJson): FieldSchema {
  const schema = resolved(property, definitions);
  const words = [...new Set(wordsOf(schema, definitions))];
  return {
    name,
    kind: schema["type"] === "boolean" ? "flag" : words.length > 0 && !hasObjects(schema) ? "words" : "text",
    words,
    isRequired,
    initial: property["default"] ?? schema["default"],
    description: String(property["description"] ?? schema["description"] ?? ""),
    isRare: RARE.test(name),
  };
}

/** What a schema refers to, with what stands beside the reference. */
function resolved(schema: NetworkJson, definitions: NetworkJson): NetworkJson {
  const name = typeof schema["$ref"] === "string" ? schema["$ref"].replace(/^.*\//, "") : "";
  const found = definitions[name];
  return isObject(found) ? { ...resolved(found, definitions), ...schema } : schema;
}

function optionsOf(schema: NetworkJson): NetworkJson[] {
  const options = schema["anyOf"] ?? schema["oneOf"];
  return Array.isArray(options) ? options.filter(isObject) : [];
}

/** The words that a schema allows, at any depth of alternatives. */
function wordsOf(schema: NetworkJson, definitions: NetworkJson): string[] {
  const own = Array.isArray(schema["enum"]) ? schema["enum"].filter((word) => typeof word === "string") : [];
  return [...own, ...optionsOf(schema).flatMap((option) => wordsOf(resolved(option, definitions), definitions))];
}

/** Whether anything but words and null is allowed that a list of words could not say: numbers, lists. */
function hasObjects(schema: NetworkJson): boolean {
  return optionsOf(schema).some((option) => /^(integer|number|array)$/.test(String(option["type"])));
}
