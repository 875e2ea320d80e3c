/** How the address says the edits: as the JSON that the service takes. */

import type { Field } from "../app/fields.ts";
import type { Edit } from "./edit.ts";

const KEY = "edits";
const NONE: readonly Edit[] = [];

export const editsField: Field<readonly Edit[]> = {
  initial: NONE,
  isStep: true,
  read: (params) => editsIn(params.get(KEY) ?? "") ?? NONE,
  write: (params, edits) => {
    if (edits.length > 0) params.set(KEY, JSON.stringify(edits));
  },
};

function editsIn(text: string): readonly Edit[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.length > 0 && value.every(isEdit) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isEdit(value: unknown): value is Edit {
  if (typeof value !== "object" || value === null || !("at" in value) || typeof value.at !== "string") return false;
  if (!("channels" in value)) return true;
  return Array.isArray(value.channels) && value.channels.every(Number.isInteger);
}
