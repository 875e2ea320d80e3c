/** Numbers as people read them. */

const MINUS = "−";
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A value of a tensor in at most four digits; tiny and huge ones with an exponent. */
export function figure(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value.replace("Infinity", "∞").replace("-", MINUS);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : `${MINUS}∞`;
  return signed(magnitude(Math.abs(value)), value < 0);
}

/** A value in at most so many significant digits, where there is little place; from 1,000 on with an exponent. */
export function brief(value: number | string | null | undefined, digits = 3): string {
  if (typeof value !== "number" || !Number.isFinite(value)) return figure(value);
  return signed(briefly(Math.abs(value), digits), value < 0);
}

/** Below 1,000 all digits before the point are written. */
function briefly(size: number, digits: number): string {
  if (size === 0) return "0";
  const rounded = size >= 10 ** digits ? Math.round(size) : Number(size.toPrecision(digits));
  if (rounded >= 1000) return exponential(size, digits - 1);
  return rounded < 10 ** -digits ? exponential(size, digits - 2) : String(rounded);
}

function exponential(size: number, decimals: number): string {
  return size.toExponential(decimals).replace("e+", "e").replace("e-", `e${MINUS}`);
}

function magnitude(size: number): string {
  if (size === 0) return "0";
  if (size >= 1e6 || size < 1e-3) return exponential(size, 1);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
  return String(Number(size.toFixed(digits)));
}

function signed(text: string, isNegative: boolean): string {
  return isNegative && text !== "0" ? MINUS + text : text;
}

/** A count in full up to 99,999, above with k, M, G. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value < 100_000) return value.toLocaleString("en");
  const power = Math.min(Math.floor(Math.log10(value) / 3), 4);
  return `${(value / 1000 ** power).toPrecision(3)} ${["", "k", "M", "G", "T"][power]}`;
}

/** Bytes in units of 1,024. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), UNITS.length - 1);
  const size = value / 1024 ** power;
  return `${power === 0 || size >= 100 ? Math.round(size) : size.toPrecision(2)} ${UNITS[power]}`;
}

/** Seconds in a unit that fits. */
export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value >= 1) return `${value.toPrecision(3)} s`;
  return value >= 1e-3 ? `${(value * 1e3).toPrecision(2)} ms` : `${Math.round(value * 1e6)} µs`;
}

/** A share as a percentage; what is not all or nothing never reads as such. */
export function share(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value > 0 && value < 0.01) return "< 1 %";
  return `${value < 1 ? Math.min(Math.round(100 * value), 99) : 100} %`;
}

/** A shape without its batch. */
export function shape(sizes: readonly (number | null)[]): string {
  return (
    sizes
      .slice(1)
      .map((size) => size ?? "?")
      .join(" × ") || "1"
  );
}
