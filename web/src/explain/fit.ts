/** Methods, layers and settings that fit a network. */

import type { Knobs } from "./knobs.ts";
import { METHOD_NAMES, METHODS, type Method, type MethodName } from "./methods.ts";
import { type Planned, sourcesOf } from "./reading.ts";

type Shape = readonly (number | null)[];

/** What is explained where the wanted method does not fit: it needs neither maps nor an input of floats. */
const ANYWHERE: MethodName = "gradient";

/** The methods that have something to explain the network by. */
export function methodsFor(plan: Planned): MethodName[] {
  return METHOD_NAMES.filter((name) => {
    const method: Method = METHODS[name];
    if (method.needsFloats === true && !Object.values(plan.inputs).some(isFloat)) return false;
    return plan.layers.some((layer) => isFloat(layer) && suits(method, layer.shape));
  });
}

/** The wanted method where it fits, else one that does. */
export function methodFor(plan: Planned, wanted: MethodName): MethodName {
  return methodsFor(plan).includes(wanted) ? wanted : ANYWHERE;
}

/** The inputs and layers that a method can be asked by, of those before the number that is explained. */
export function layersFor(plan: Planned, method: Method, target: string | null): string[] {
  const before = target === null ? null : sourcesOf(plan, target);
  const inputs = Object.entries(plan.inputs).map(([address, spec]) => ({ ...spec, address }));
  return [...inputs, ...plan.layers]
    .filter((one) => isFloat(one) && suits(method, one.shape) && (before?.has(one.address) ?? true))
    .map((one) => one.address);
}

/** By what a number is explained where nothing is chosen; null where the service's own choice, all inputs or the last maps, fits. */
export function firstLayer(plan: Planned, method: Method, target: string | null): string | null {
  if (method.by === "maps") return null;
  if (Object.values(plan.inputs).every((spec) => isFloat(spec) && suits(method, spec.shape))) return null;
  return layersFor(plan, method, target)[0] ?? null;
}

/** The first map of the last output, where that is maps or steps; null where it is units, of which the service finds the largest. */
export function firstMap({ layers, model }: Planned): string | null {
  const output = layers.findLast(({ address }) => model.outputs.includes(address));
  return output === undefined || output.shape.length < 3 ? null : `${output.address}[..., 0]`;
}

/** A window of a quarter of the side, moved by an eighth: at most some 50 places of a picture of any size. */
export function windowFor(shape: readonly number[]): Knobs {
  const side = Math.min(...shape.slice(1, -1));
  const stride = Math.max(1, Math.round(side / 8));
  return { window: String(Math.min(2 * stride, side)), stride: String(stride) };
}

function isFloat({ dtype }: { readonly dtype: string }): boolean {
  return /float/.test(dtype);
}

function suits({ by }: Method, shape: Shape): boolean {
  if (by === "maps") return shape.length === 4 && (shape[1] ?? 2) * (shape[2] ?? 2) > 1;
  return by === "any" || shape.length === 3 || shape.length === 4;
}
