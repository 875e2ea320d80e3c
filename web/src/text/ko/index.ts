import type { Text } from "../en/index.ts";
import { activations } from "./activations.ts";
import { app } from "./app.ts";
import { detail } from "./detail.ts";
import { explain } from "./explain.ts";
import { input } from "./input.ts";
import { network } from "./network.ts";
import { share } from "./share.ts";

export const ko: Text = { app, input, network, activations, detail, explain, share };
