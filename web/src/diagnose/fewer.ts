/** How many samples a service takes at once. */

import { LayerscopeError } from "layerscope";

const TOO_LARGE = 413;
const TOO_SLOW = 504;

/** Whether fewer items may be taken where these were refused: too many bytes, or too long. */
export function wantsFewer(error: unknown): boolean {
  return error instanceof LayerscopeError && (error.status === TOO_LARGE || error.status === TOO_SLOW);
}

/** Does it with a number of items, and with half as many, down to one, as long as the service takes fewer only. */
export async function withFewer<Value>(count: number, work: (count: number) => Promise<Value>): Promise<Value> {
  try {
    return await work(count);
  } catch (error) {
    if (count === 1 || !wantsFewer(error)) throw error;
    return withFewer(Math.floor(count / 2), work);
  }
}
