/** How maps are shown, each as a signal of its own. */

import { part } from "../app/state.ts";

export const span = part("span");
export const colours = part("colours");
export const size = part("size");
