/** The size of a map on the screen, in pixels of CSS. */

import type { PageState } from "../app/state.ts";
import { scaled } from "../ui/rem.ts";

const HEIGHTS: Readonly<Record<PageState["size"], number>> = { small: 56, medium: 84, large: 168 };
const MOST_TIMES_WIDER = 3;
export const GAP = scaled(8);
/** The line under a map, with its number or name. */
export const LABEL = scaled(20);

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** As high as was chosen, as wide as its pixels say; very long ones are shown shorter. */
export function sizeOf(chosen: PageState["size"], height: number, width: number): Size {
  const tall = scaled(HEIGHTS[chosen]);
  const wide = Math.round((tall * width) / height);
  return { height: tall, width: Math.min(Math.max(wide, tall / MOST_TIMES_WIDER), tall * MOST_TIMES_WIDER) };
}
