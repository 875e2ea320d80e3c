/** Which networks have weights that were trained, not those of a seed. */

import type { ModelSource, Named } from "./address.ts";
import { PRESETS } from "./presets.ts";

/** Whether an edit would leave trained weights behind. */
export function isTrained(model: ModelSource): model is Named {
  return model.kind === "registered" || (model.kind === "preset" && PRESETS[model.name]?.weights !== undefined);
}
