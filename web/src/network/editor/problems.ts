/** Which layer and which field of the document an error points to. */

import { LayerscopeError, type ProblemItem } from "layerscope";
import type { Place } from "./document.ts";

const DOCUMENT = "/model";

/** The problems of the document, with pointers into it. */
export function problemsOf(error: Error | null): ProblemItem[] {
  if (!(error instanceof LayerscopeError)) return [];
  return error.problems
    .filter(({ pointer }) => pointer === DOCUMENT || pointer.startsWith(`${DOCUMENT}/`))
    .map((problem) => ({ ...problem, pointer: problem.pointer.slice(DOCUMENT.length) }));
}

/** The JSON pointer of a layer. */
export function pointerOf(place: Place): string {
  return place.map((at) => `/layers/${at}`).join("");
}

/** Those of one layer, not of layers inside it, with pointers into the layer. */
export function problemsAt(problems: readonly ProblemItem[], place: Place): ProblemItem[] {
  const pointer = pointerOf(place);
  return problems
    .filter((problem) => problem.pointer === pointer || problem.pointer.startsWith(`${pointer}/`))
    .map((problem) => ({ ...problem, pointer: problem.pointer.slice(pointer.length) }))
    .filter((problem) => !problem.pointer.startsWith("/layers/"));
}

/** The first field that a pointer into a layer leads to: `kernel_size` of `/kernel_size/1`. */
export function fieldOf(pointer: string): string {
  return (pointer.split("/")[1] ?? "").replaceAll("~1", "/").replaceAll("~0", "~");
}
