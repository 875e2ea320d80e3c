/** Findings in an order for readers. */

import type { DiagnosisReply } from "layerscope";

export type Finding = DiagnosisReply["findings"][number];

/** Those that were found; the service has the most severe first. */
export function found(findings: readonly Finding[]): Finding[] {
  return findings.filter((one) => one.status === "found");
}

/** The layers of each finding that has a status: `dead_units` → relu, relu_1. */
export function grouped(findings: readonly Finding[], status: Finding["status"]): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const one of findings) {
    if (one.status === status) groups.set(one.finding, [...(groups.get(one.finding) ?? []), one]);
  }
  return groups;
}

/** The name of a finding at a layer, as the address has it. */
export function keyOf({ finding, address }: Pick<Finding, "finding" | "address">): string {
  return `${finding}@${address}`;
}

/** The units that the evidence lists: those that are wrong, or all that are copies of each other. */
export function unitsOf({ evidence }: Pick<Finding, "evidence">): number[] {
  const { indices, groups } = evidence;
  if (isNumbers(indices)) return indices;
  return Array.isArray(groups) ? groups.filter(isNumbers).flat() : [];
}

const UNLISTED = new Set(["indices", "groups"]);

/** The other figures of the evidence that are one number or word. */
export function figuresOf({ evidence }: Pick<Finding, "evidence">): [string, number | string][] {
  const simple = (value: unknown) => typeof value === "number" || typeof value === "string";
  return Object.entries(evidence).filter(([name, value]) => !UNLISTED.has(name) && simple(value)) as [
    string,
    number | string,
  ][];
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => typeof one === "number");
}
