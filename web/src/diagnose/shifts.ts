/** Different pictures of a few digits: each in several places. */

const MOVES = [
  [0, 0],
  [2, 0],
  [-2, 1],
  [0, -2],
  [1, 2],
  [-1, -1],
] as const;

export interface Shift {
  readonly digit: number;
  readonly x: number;
  readonly y: number;
}

/** As many as are asked for, no two the same: every digit in one place, then in the next. In pixels. */
export function shifts(count: number, digits: number): Shift[] {
  if (count > digits * MOVES.length) throw new RangeError(`at most ${digits * MOVES.length} pictures`);
  return Array.from({ length: count }, (_, at) => {
    const [x, y] = MOVES[Math.floor(at / digits)] as (typeof MOVES)[number];
    return { digit: at % digits, x, y };
  });
}
