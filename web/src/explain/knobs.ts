/** Options of methods that differ from the service's, and how the address says them: `knobs=steps:100,window:4`. */

import type { Field } from "../app/fields.ts";
import type { Method } from "./methods.ts";

export type Knobs = Readonly<Record<string, string>>;

const KEY = "knobs";

export const knobsField: Field<Knobs> = {
  initial: {},
  isStep: false,
  read: (params) => Object.fromEntries([...(params.get(KEY) ?? "").matchAll(/(\w+):([-\w.]+)/g)].map(pairOf)),
  write: (params, knobs) => {
    const pairs = Object.entries(knobs).map((pair) => pair.join(":"));
    if (pairs.length > 0) params.set(KEY, pairs.join(","));
  },
};

function pairOf([, name = "", value = ""]: RegExpExecArray): readonly [string, string] {
  return [name, value];
}

/** The options of a request: those of the method that were changed, as numbers, flags and words. */
export function optionsOf({ knobs }: Method, changed: Knobs): Record<string, number | boolean | string> {
  const given: Record<string, number | boolean | string> = {};
  for (const knob of knobs) {
    const value = changed[knob.name];
    if (value === undefined) continue;
    if (typeof knob.initial === "number") given[knob.name] = Number(value);
    else given[knob.name] = value === "true" || value === "false" ? value === "true" : value;
  }
  return given;
}
