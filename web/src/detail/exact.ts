/** Values in as many digits as a float32 has, so that sums can be followed. */

import { figure } from "../text/figures.ts";

const DIGITS = 7;
const FEW_DIGITS = 2;

export function exact(value: number | string | boolean): string {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string" || !Number.isFinite(value)) return figure(value);
  const rounded = Number(value.toPrecision(DIGITS));
  const size = Math.abs(rounded);
  const digits = size !== 0 && (size < 1e-4 || size >= 1e7) ? size.toExponential() : String(size);
  return (rounded < 0 ? "−" : "") + digits.replace("e+", "e").replace("e-", "e−");
}

/** In two digits, where there is no room for more. */
export function brief(value: number | string): string {
  if (typeof value === "string" || !Number.isFinite(value)) return figure(value);
  return figure(Number(value.toPrecision(FEW_DIGITS)));
}
