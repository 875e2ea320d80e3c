/** Colour maps of values. All of them keep their order for the colour-blind and in grey. */

/**
 * Colours at equal distances, as hexadecimal RGB. viridis, cividis and magma are matplotlib's (CC0). balance is blue for
 * negative and brown for positive values around the ground of the page, in steps of equal lightness (OKLab).
 */
const STOPS = {
  gray: "000000 ffffff",
  viridis:
    "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f " +
    "d8e219 fde725",
  cividis:
    "00224e 002d68 163770 2e416d 3f4c6c 4e566c 5c616e 696b71 767676 838179 928c78 a09875 afa471 bfb06b cfbd62 dfca57 " +
    "f0d846 fee838",
  magma:
    "000004 090720 1a1042 311165 4a1079 621980 792282 912b81 aa337d c23b75 d9466b ec5860 f7725c fc8e64 feaa74 fec68a " +
    "fde2a3 fcfdbf",
  balance: "0f2a5f 174a92 3377be 6dabdf b4d6ef f8f8f6 f2d1ad e4a067 cb6b34 983d1f 5b1f15",
} as const;

/** balance where the ground is dark: the middle is dark, the ends are light. */
const DARK_BALANCE = "d1ecff 87c6f2 4a91d1 2b5c97 1f3351 131517 4c2817 8e471e c97933 ebb678 f8eace";

export type ColourMap = keyof typeof STOPS;
export const COLOUR_MAPS = Object.keys(STOPS) as ColourMap[];
export const ENTRIES = 256;
/** NaN and infinities: a colour of no map, magenta, as in the service's pictures. */
export const NOT_FINITE = pixel(255, 0, 255);

const tables = new Map<string, Uint32Array>();

/** The pixels of a map from its first to its last colour, as ImageData has them on little-endian machines. */
export function tableOf(name: ColourMap, isDark: boolean): Uint32Array {
  const stops = name === "balance" && isDark ? DARK_BALANCE : STOPS[name];
  const known = tables.get(stops) ?? interpolated(stops.split(" ").map(channels));
  tables.set(stops, known);
  return known;
}

function interpolated(stops: readonly Rgb[]): Uint32Array {
  return Uint32Array.from({ length: ENTRIES }, (_, entry) => {
    const place = (entry / (ENTRIES - 1)) * (stops.length - 1);
    const before = Math.min(Math.floor(place), stops.length - 2);
    const [from, to] = [stops[before], stops[before + 1]] as [Rgb, Rgb];
    const mixed = (at: 0 | 1 | 2) => Math.round(from[at] + (to[at] - from[at]) * (place - before));
    return pixel(mixed(0), mixed(1), mixed(2));
  });
}

type Rgb = readonly [red: number, green: number, blue: number];

function channels(hex: string): Rgb {
  const bits = Number.parseInt(hex, 16);
  return [bits >> 16, (bits >> 8) & 255, bits & 255];
}

function pixel(red: number, green: number, blue: number): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** A pixel as CSS has it. */
export function css(bits: number): string {
  return `rgb(${bits & 255}, ${(bits >> 8) & 255}, ${(bits >> 16) & 255})`;
}
