/** Files of networks and of weights, given to the service under a name. */

import { type Document, InvalidOption } from "layerscope";
import { noteFailure, service } from "../app/service.ts";
import { look } from "../app/state.ts";
import { task } from "../app/task.ts";
import { isObject } from "./address.ts";
import { network } from "./network.ts";

const WEIGHTS = /\.(weights\.h5|npz|safetensors)$/i;
const JSON_FILE = /\.json$/i;
const ENDINGS = /(\.(weights|keras|h5|hdf5|json|zip|tar|tgz|gz|npz|safetensors))+$/i;
const LONGEST = 60;

/** The name of the file that is sent, while it is sent. */
export const uploading = task<string>(noteFailure);

/** Shows the network in a file: JSON as it is, everything else once the service has it. */
export async function upload(file: File): Promise<void> {
  await uploading.start(async (signal) => {
    if (JSON_FILE.test(file.name)) {
      const document: unknown = JSON.parse(await file.text());
      look({ kind: "document", document: isObject(document) ? document : { layers: document } });
      return file.name;
    }
    const name = await freeName(stem(file.name), signal);
    await send(name, file, signal);
    look({ kind: "registered", name });
    return name;
  });
}

/** Weights alone go with the network that is shown; which an .h5 has, the service says. */
async function send(name: string, file: File, signal: AbortSignal): Promise<void> {
  if (WEIGHTS.test(file.name)) {
    await sendWeights(name, file, signal);
    return;
  }
  try {
    await service.peek().put(name, file, { signal });
  } catch (error) {
    if (!(error instanceof InvalidOption)) throw error;
    await sendWeights(name, file, signal);
  }
}

async function sendWeights(name: string, file: File, signal: AbortSignal): Promise<void> {
  const shown = network.value.peek();
  if (shown === null) throw new Error(`${file.name}: choose the network of these weights first`);
  const document =
    shown.document ??
    (await service
      .peek()
      .model(shown.registered ?? "")
      .document({ signal }));
  await service.peek().put(name, document as Document, { weights: file, signal });
}

/** A name that no other network has: `net`, `net-2`, `net-3`. */
async function freeName(wanted: string, signal: AbortSignal): Promise<string> {
  const { models } = await service.peek().models({ signal });
  const taken = new Set(models.map((model) => model.name));
  let name = wanted;
  for (let number = 2; taken.has(name); number += 1) name = `${wanted}-${number}`;
  return name;
}

/** A file's name as a model's: without endings, and with nothing in it that names may not have. */
export function stem(file: string): string {
  const name = file.replace(ENDINGS, "").replaceAll(/[^A-Za-z0-9._-]+/g, "-");
  return name.replace(/^[^A-Za-z0-9]+/, "").slice(0, LONGEST) || "network";
}
