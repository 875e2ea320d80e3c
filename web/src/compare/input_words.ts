/** What an input is called. */

import type { InputSource } from "../input/address.ts";
import { text } from "../text/text.ts";

export function inputWords(source: InputSource): string {
  const words = text.value.compare;
  if (source.kind === "sample") return text.value.input.sample(source.name);
  if (source.kind === "file") return source.name;
  if (source.kind === "numbers") return words.numbers;
  return source.isDrawn === true ? words.drawing : words.picture;
}
