/** The keyboard of what shows the units of a layer in a row. */

import { lookAt } from "../app/panels.ts";
import { change } from "../app/state.ts";

const BIG_STEP = 10;

/** Goes to the next unit, or to another by the keys of a slider; Enter looks at it in a panel; other keys are left alone. */
export function stepped(event: KeyboardEvent, layer: string, chosen: number | null, count: number): void {
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowDown: 1,
    ArrowLeft: -1,
    ArrowUp: -1,
    PageDown: BIG_STEP,
    PageUp: -BIG_STEP,
    Home: -count,
    End: count,
  };
  if (event.key === "Enter") lookAt(layer, chosen ?? 0);
  const by = steps[event.key];
  if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  change({ layer, unit: Math.min(Math.max(chosen === null && by < count ? 0 : (chosen ?? 0) + by, 0), count - 1) });
}
