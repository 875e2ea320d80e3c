/** How a layer of A and its like in B compare, in the words of the service. */

import type { ComparedLayer } from "./comparison.ts";

export type Status = ComparedLayer["status"];
export const STATUSES: readonly Status[] = [
  "equal",
  "close",
  "differs",
  "not_finite",
  "shape_differs",
  "only_a",
  "only_b",
];
