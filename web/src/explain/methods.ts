/** The methods of explanation, with their options. Defaults are the service's own. */

export type Knob =
  | { readonly name: string; readonly initial: number; readonly least: number; readonly step: number }
  | { readonly name: string; readonly initial: string; readonly words: readonly string[] };

export interface Method {
  /** What it can be asked by: layers with two spatial axes, with steps or positions, or any layer. */
  readonly by: "maps" | "positions" | "any";
  /** Whether it gives n × h × w, which comes at the size of the picture, too. */
  readonly isMap: boolean;
  /** Whether what it gives lies on both sides of zero. */
  readonly isSigned: boolean;
  /** Whether it takes many passes, so that its price is asked for first. */
  readonly isLong: boolean;
  /** Whether it needs an input of floats, to which noise can be added. */
  readonly needsFloats?: boolean;
  /** Whether it gives the gradients of weights, too. */
  readonly hasWeights?: boolean;
  readonly knobs: readonly Knob[];
}

const RELU: Knob = { name: "relu", initial: "true", words: ["true", "false"] };
const CAM: Method = { by: "maps", isMap: true, isSigned: false, isLong: false, knobs: [RELU] };
const GRADIENT: Method = { by: "any", isMap: false, isSigned: true, isLong: false, knobs: [] };

const TABLE = {
  grad_cam: CAM,
  "grad_cam++": CAM,
  layer_cam: CAM,
  gradient: { ...GRADIENT, hasWeights: true },
  input_x_gradient: GRADIENT,
  integrated_gradients: {
    ...GRADIENT,
    isLong: true,
    knobs: [
      { name: "steps", initial: 50, least: 1, step: 10 },
      { name: "baseline", initial: "zero", words: ["zero", "mean", "blur"] },
    ],
  },
  smooth_grad: {
    ...GRADIENT,
    needsFloats: true,
    isLong: true,
    knobs: [
      { name: "samples", initial: 32, least: 1, step: 8 },
      { name: "noise", initial: 0.15, least: 0, step: 0.05 },
      { name: "seed", initial: 0, least: 0, step: 1 },
    ],
  },
  occlusion: {
    by: "positions",
    isMap: true,
    isSigned: true,
    isLong: true,
    knobs: [
      { name: "window", initial: 8, least: 1, step: 1 },
      { name: "stride", initial: 4, least: 1, step: 1 },
      { name: "value", initial: 0, least: Number.NEGATIVE_INFINITY, step: 0.1 },
    ],
  },
  ablation: { ...GRADIENT, isLong: true },
} as const satisfies Readonly<Record<string, Method>>;

export type MethodName = keyof typeof TABLE;
export const METHODS: Readonly<Record<MethodName, Method>> = TABLE;
export const METHOD_NAMES = Object.keys(TABLE) as MethodName[];
