/** Keeps the address and the state the same. */

import { effect } from "@preact/signals";
import { fragmentOf, isStep, type PageState, state, stateOf } from "./state.ts";

/** Browsers refuse more than a hundred changes of the address in half a minute. */
const PAUSE_MS = 300;

/** Reads the address, then follows it and writes to it. */
export function followAddress(): void {
  state.value = stateOf(location.hash);
  let written: PageState = state.value;
  addEventListener("popstate", () => {
    if (fragmentOf(state.value) === location.hash.slice(1)) return;
    written = stateOf(location.hash);
    state.value = written;
  });
  let timer = 0;
  effect(() => {
    const now = state.value;
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      write(written, now);
      written = now;
    }, PAUSE_MS);
  });
}

function write(before: PageState, after: PageState): void {
  const fragment = fragmentOf(after);
  if (fragment === location.hash.slice(1)) return;
  const address = `${location.pathname}${location.search}${fragment === "" ? "" : `#${fragment}`}`;
  if (isStep(before, after)) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
