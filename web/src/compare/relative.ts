/** Relative differences, as numbers and as lengths. */

/** Of float32: what is smaller is one step from one number to the next, or less. */
const LEAST_POWER = -8;
const LEAST_LENGTH = 0.02;

/** A figure of the service: JSON has infinities as text. Null where there is none. */
export function numberOf(figure: number | string | null | undefined): number | null {
  if (figure === null || figure === undefined) return null;
  return Number(figure);
}

/** The share of a bar's length, on a scale of powers of ten from 1e-8 to 1; nothing only for no difference at all. */
export function lengthOf(relative: number | null): number {
  if (relative === null || Number.isNaN(relative) || relative <= 0) return 0;
  const share = (Math.log10(relative) - LEAST_POWER) / -LEAST_POWER;
  return Math.min(Math.max(share, LEAST_LENGTH), 1);
}
