/** Copies the address of what is seen. */

import { signal } from "@preact/signals";
import { isShareable as isInputShareable } from "../input/address.ts";
import { isShareable } from "../network/address.ts";
import { text } from "../text/text.ts";
import { fragmentOf, state } from "./state.ts";

const SHOWN_MS = 3000;

/** What became of it, for a moment; null before and after. */
export const copied = signal<string | null>(null);

/** Says so where something is too large for an address. */
export async function copyLink(): Promise<void> {
  const { model, inputs } = state.value;
  const address = new URL(location.href);
  address.hash = fragmentOf(state.value);
  await navigator.clipboard.writeText(address.href);
  const isWhole = isShareable(model) && Object.values(inputs).every(isInputShareable);
  copied.value = isWhole ? text.value.app.copied : text.value.app.copiedWithout;
  setTimeout(() => (copied.value = null), SHOWN_MS);
}
