/** The run that is pinned as A, and how the address says it. */

import { choice, type Field, flag } from "../app/fields.ts";
import { editsField } from "../edits/address.ts";
import type { Edit } from "../edits/edit.ts";
import { type InputSources, inputsField } from "../input/address.ts";
import { type ModelSource, modelField } from "../network/address.ts";

/** What a run is made of. The scale and size of pictures are those of the page, for both sides of a comparison. */
export interface Made {
  readonly model: ModelSource;
  readonly inputs: InputSources;
  readonly training: boolean;
  readonly edits: readonly Edit[];
}

const KEY = "pin";
const FIELDS = { model: modelField, inputs: inputsField, training: flag("training"), edits: editsField } as const;

/** Its own address within the address, with the same words; null where nothing is pinned. */
export const pinField: Field<Made | null> = {
  initial: null,
  isStep: true,
  read: (params) => {
    const inside = params.get(KEY);
    return inside === null ? null : madeIn(new URLSearchParams(inside));
  },
  write: (params, made) => {
    if (made !== null) params.set(KEY, addressOf(made));
  },
};

/** The precision that the layers of B are computed in, where it is not their own. */
export const POLICIES = ["own", "float16", "bfloat16", "float64"] as const;
export const policyField = choice("precision", POLICIES, "own");
export type PolicyChoice = (typeof POLICIES)[number];

/** What a run is made of, as a text: the same for the same. */
export function addressOf(made: Made): string {
  const params = new URLSearchParams();
  FIELDS.model.write(params, made.model);
  FIELDS.inputs.write(params, made.inputs);
  FIELDS.training.write(params, made.training);
  FIELDS.edits.write(params, made.edits);
  return params.toString();
}

function madeIn(params: URLSearchParams): Made {
  return {
    model: FIELDS.model.read(params),
    inputs: FIELDS.inputs.read(params),
    training: FIELDS.training.read(params),
    edits: FIELDS.edits.read(params),
  };
}
