/** The state of the page: one signal, all of it in the address. What is computed from it lives in other signals. */

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { pinField, policyField } from "../compare/address.ts";
import { itemsField } from "../diagnose/address.ts";
import { editsField } from "../edits/address.ts";
import { knobsField } from "../explain/knobs.ts";
import { METHOD_NAMES } from "../explain/methods.ts";
import { SIGNS } from "../explain/targets.ts";
import { inputsField } from "../input/address.ts";
import { modelField } from "../network/address.ts";
import { choice, count, type Field, flag, names, words } from "./fields.ts";

export const FIELDS = {
  /** The network that is looked at. */
  model: modelField,
  /** What each of its inputs gets; inputs that are not named get a sample that fits. */
  inputs: inputsField,
  /** The address of the layer that is looked at, and the number of its map or unit. */
  layer: words("layer"),
  unit: count("unit"),
  /** The row and the column in that map, `5,7`; null for its largest value. */
  element: words("element"),
  /** How a number is explained, and which: an address with an index; null for the largest unit of the output. */
  method: choice("method", METHOD_NAMES, "layer_cam"),
  target: words("of"),
  /** Another number that is subtracted from it, and which side of it is explained. */
  minus: words("minus"),
  sign: choice("sign", SIGNS, "1"),
  /** By which layer; null as the method has it. The method's own options, and how much of the map covers the picture. */
  explainedBy: words("to"),
  /** Whether the gradients of that layer's weights come along. */
  weightGradients: flag("weights"),
  knobs: knobsField,
  alpha: count("alpha"),
  /** How pixels become numbers, and pictures get the size of the input; null: as the network says. */
  pixels: words("pixels"),
  resize: words("resize"),
  training: flag("training"),
  /** What becomes of tensors on the way. */
  edits: editsField,
  /** What the run is compared with, and the precision that it is computed in for that. */
  pin: pinField,
  policy: policyField,
  /** What a diagnosis looks at, and the finding whose units are marked: `dead_units@relu`. */
  items: itemsField,
  finding: words("finding"),
  /** What the colours of maps span, which they are, and the size of maps. */
  span: choice("span", ["symmetric", "layer", "map"], "symmetric"),
  colours: choice("colours", ["balance", "viridis", "cividis", "magma", "gray"], "balance"),
  size: choice("size", ["small", "medium", "large"], "medium"),
  /** Layers whose maps are all shown, not only those of one line. */
  open: names("open"),
  /** What the side of the network shows, the figure that colours its nodes, and the blocks that are folded. */
  side: choice("side", ["graph", "edit"], "graph"),
  measure: words("measure"),
  folded: names("folded"),
  /** The panel beside the layers, by its name in `panels.ts`. */
  panel: words("panel"),
} as const;

type Fields = typeof FIELDS;
export type PageState = { readonly [Name in keyof Fields]: Fields[Name] extends Field<infer Value> ? Value : never };

const ENTRIES = Object.entries(FIELDS) as [keyof PageState, Field<unknown>][];

/** What a fragment of an address says. */
export function stateOf(fragment: string): PageState {
  const params = new URLSearchParams(fragment.replace(/^#/, ""));
  return Object.fromEntries(ENTRIES.map(([name, field]) => [name, field.read(params)])) as unknown as PageState;
}

/** The fragment of an address that says this, without `#`; empty for the first screen. */
export function fragmentOf(state: PageState): string {
  const params = new URLSearchParams();
  for (const [name, field] of ENTRIES) field.write(params, state[name]);
  return params.toString();
}

/** Whether the way from one state to the other is a step that "back" undoes. */
export function isStep(before: PageState, after: PageState): boolean {
  return ENTRIES.some(([name, field]) => field.isStep && before[name] !== after[name]);
}

export const state = signal<PageState>(stateOf(""));

/** Changes some parts of the state. */
export function change(parts: Partial<PageState>): void {
  state.value = { ...state.value, ...parts };
}

/** One part of the state, as a signal of its own: it changes only when that part does. */
export function part<Name extends keyof PageState>(name: Name): ReadonlySignal<PageState[Name]> {
  return computed(() => state.value[name]);
}

/** How often another network was chosen: edits of one do not count. */
export const looks = signal(0);

/** Looks at another network: what is selected in the present one means nothing there. */
export function look(model: PageState["model"]): void {
  const nothing = {
    layer: null,
    unit: null,
    element: null,
    target: null,
    minus: null,
    explainedBy: null,
    finding: null,
  } as const;
  const none = { inputs: {}, open: [], folded: [], edits: [], knobs: {} };
  change({ model, pixels: null, resize: null, pin: null, ...nothing, ...none });
  looks.value += 1;
}
