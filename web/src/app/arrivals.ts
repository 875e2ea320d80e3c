/** What arrives by drop or paste goes where it belongs: to the input, or to the network. */

import type { InputSource } from "../input/address.ts";
import { sourceOf } from "../input/files.ts";
import { isNumbers } from "../input/numbers.tsx";
import { isObject } from "../network/address.ts";
import { network } from "../network/network.ts";
import { upload } from "../network/uploads.ts";
import { change, look, state } from "./state.ts";

export type Place = "input" | "network";

const NETWORKS = /\.(keras|h5|hdf5|json|zip|tar|tgz|tar\.gz)$/i;
const TENSORS = /\.(npz|safetensors)$/i;

/** Pictures and arrays are inputs, networks are networks wherever they are dropped; tensors follow the place. */
export async function receive(files: readonly File[], place: Place): Promise<void> {
  for (const file of files) {
    if (NETWORKS.test(file.name) || (place === "network" && TENSORS.test(file.name))) await upload(file);
    else await give(await sourceOf(file, file.name));
  }
}

/** A pasted text: numbers are an input, an object or a list of layers is a network. */
export function receiveText(written: string): void {
  try {
    const value: unknown = JSON.parse(written);
    if (isNumbers(written)) void give({ kind: "numbers", json: JSON.stringify(value) });
    else if (isObject(value)) look({ kind: "document", document: value });
    else if (Array.isArray(value)) look({ kind: "document", document: { layers: value } });
  } catch {
    // text that is no JSON is pasted elsewhere
  }
}

/** Several files fill the inputs in their order. */
async function give(source: InputSource): Promise<void> {
  const names = Object.keys(network.value.value?.plan.inputs ?? {});
  const free = names.find((name) => state.value.inputs[name] === undefined);
  change({ inputs: { ...state.value.inputs, [names.length > 1 ? (free ?? names[0] ?? "") : ""]: source } });
}
