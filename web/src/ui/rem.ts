/** Pixels of CSS in a rem, which is larger on very large windows. */
export const REM =
  typeof document === "undefined" ? 16 : Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

/** A length that was drawn for 16 pixels in a rem. */
export function scaled(pixels: number): number {
  return Math.round((pixels * REM) / 16);
}
