/** Whether the network's side covers the page, where the window is too narrow for both. */

import { signal } from "@preact/signals";

export const isSideOpen = signal(false);
