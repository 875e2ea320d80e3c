import { activations } from "./activations.ts";
import { app } from "./app.ts";
import { compare } from "./compare.ts";
import { detail } from "./detail.ts";
import { diagnose } from "./diagnose.ts";
import { edits } from "./edits.ts";
import { explain } from "./explain.ts";
import { input } from "./input.ts";
import { network } from "./network.ts";
import { share } from "./share.ts";

export const en = { app, input, network, activations, detail, explain, share, compare, diagnose, edits };
export type Text = typeof en;
