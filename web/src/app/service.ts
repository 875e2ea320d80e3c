/** The service that this page comes from: its client, and whether it answers. */

import { computed, signal } from "@preact/signals";
import { type Fetch, Layerscope, Unauthorized, Unreachable } from "layerscope";

const KEY = "layerscope.key";
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 10_000;
const BUSY = new Set([429, 503]);

/** The key that requests carry; kept for this tab alone. */
export const key = signal<string | null>(sessionStorage.getItem(KEY));
/** Whether the service wants a key that it has not got. */
export const needsKey = signal(false);
/** False from a request that nothing answered until the service answers again. */
export const answers = signal(true);
/** How often the service came back, or was told another key: what failed is worth another try. */
export const returns = signal(0);
/** When a request that the service was too busy for is sent again, in milliseconds since 1970; null when none waits. */
export const waitsUntil = signal<number | null>(null);

export const service = computed(() => new Layerscope(base(), { key: key.value ?? undefined, fetch: watched }));

/** Sends a key with every request from now on. */
export function tellKey(value: string): void {
  sessionStorage.setItem(KEY, value);
  key.value = value;
  needsKey.value = false;
  returns.value += 1;
}

/** Notes what an error says about the service as a whole. */
export function noteFailure(error: unknown): void {
  if (error instanceof Unauthorized) needsKey.value = true;
  if (error instanceof Unreachable && answers.value) {
    answers.value = false;
    void comeBack(FIRST_WAIT_MS);
  }
}

async function comeBack(wait: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, wait));
  try {
    await fetch(`${base()}/healthz`, { cache: "no-store" });
    answers.value = true;
    returns.value += 1;
  } catch {
    await comeBack(Math.min(2 * wait, LONGEST_WAIT_MS));
  }
}

const watched: Fetch = async (input, init) => {
  const response = await fetch(input, init);
  const seconds = Number(response.headers.get("Retry-After"));
  waitsUntil.value = BUSY.has(response.status) && seconds > 0 ? Date.now() + seconds * 1000 : null;
  return response;
};

/** The address of the service: the page's own, without what follows the last slash. */
function base(): string {
  return new URL(".", document.baseURI).href.replace(/\/$/, "");
}
