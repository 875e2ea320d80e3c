/** What a diagnosis looks at, and how the address says it. */

import { choice } from "../app/fields.ts";

/** Samples of the page, the input that is shown, or files that the reader chose, which no address can hold. */
export const ITEMS = ["samples", "shown", "files"] as const;
export type Items = (typeof ITEMS)[number];
export const itemsField = choice("items", ITEMS, "samples");
