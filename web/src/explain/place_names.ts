/** What the values of an explanation belong to, by name. */

import { kindOf } from "../activations/kind.ts";
import { nameOf } from "../activations/names.ts";
import { text } from "../text/text.ts";
import type { Attribution } from "./attribution.ts";
import type { Explained } from "./explanation.ts";
import { inputsOf } from "./reading.ts";

type Kind = Exclude<Attribution["kind"], "map">;

/** The unit or channel, the step with its token, or the steps that a window covers, for each value. */
export function placeNames({ run, options }: Explained, address: string, kind: Kind): (at: number) => string {
  const words = text.value.explain;
  const row = run.reply.layers.find((one) => one.address === address);
  if (kind === "steps") {
    const tokens = tokensOf(run, address);
    return (at) => words.step(at, tokens?.[at]);
  }
  if (kind === "windows") {
    const [window, stride] = [Number(options.window), Number(options.stride)];
    return (at) => words.steps(at * stride, at * stride + window - 1);
  }
  if (row === undefined) return String;
  return (at) => (kindOf(row.shape).kind === "sequence" ? words.channel(at) : nameOf(row, at));
}

/** The whole numbers of the only input that an address is computed from, one for each step; undefined where it has none. */
function tokensOf({ network: { plan }, reply, tensors }: Explained["run"], address: string): string[] | undefined {
  const [name, ...others] = inputsOf(plan, address);
  const row = reply.layers.find((one) => one.address === name);
  const steps = reply.layers.find((one) => one.address === address)?.shape[1];
  if (name === undefined || row === undefined || others.length > 0) return undefined;
  if (!/int/.test(row.dtype) || row.shape.length !== 2 || row.shape[1] !== steps) return undefined;
  const values = tensors.values(name, row.shape);
  return values === undefined ? undefined : Array.from(values, String);
}
