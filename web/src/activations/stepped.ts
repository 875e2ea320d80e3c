/** The keyboard of what shows the units of a layer in a row. */

import { change } from "../app/state.ts";

const BIG_STEP = 10;

/** Goes to the next unit, or to another by the keys of a slider; other keys are left alone. */
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
  const by = steps[event.key];
  if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  change({ layer, unit: Math.min(Math.max(chosen === null && by < count ? 0 : (chosen ?? 0) + by, 0), count - 1) });
}
