import { activations } from "./activations.ts";
import { app } from "./app.ts";
import { input } from "./input.ts";
import { network } from "./network.ts";

export const en = { app, input, network, activations };
export type Text = typeof en;
