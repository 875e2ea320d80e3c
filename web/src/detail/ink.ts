/** A colour to write on, and the one to write with. */

import { css } from "../activations/colours.ts";

/** Above it black is read better than white. Source: WCAG 2.2, relative luminance and contrast ratio. */
const MIDDLE = 0.179;

export function inkOn(pixel: number): { readonly background: string; readonly color: string } {
  const [red, green, blue] = [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255].map(linear) as [
    number,
    number,
    number,
  ];
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return { background: css(pixel), color: luminance > MIDDLE ? "#000" : "#fff" };
}

function linear(channel: number): number {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}
