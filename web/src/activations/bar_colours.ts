/** The colours of bars: one for what is above zero, one for what is below. */

import { type ColourMap, css, tableOf } from "./colours.ts";

const [LOW, MIDDLE, HIGH] = [40, 128, 200];

/** Those of the map; where it does not part at zero, a middle one for both. */
export function barColours(name: ColourMap, isDark: boolean): readonly [positive: string, negative: string] {
  const table = tableOf(name, isDark);
  const [positive, negative] = name === "balance" ? [HIGH, LOW] : [MIDDLE, MIDDLE];
  return [css(table[positive] as number), css(table[negative] as number)];
}
