/** A length as CSS has it. */
export function px(length: number): string {
  return `${length}px`;
}
