/** What a network is called. */

import { text } from "../text/text.ts";
import type { ModelSource } from "./address.ts";

/** A preset's title, the registered name, or the document's own. */
export function nameOfSource(source: ModelSource, named: string | null | undefined): string {
  if (source.kind === "registered") return source.name;
  const words = text.value.network;
  if (source.kind === "preset") return words.preset[source.name]?.[0] ?? source.name;
  return named ?? words.inline;
}
