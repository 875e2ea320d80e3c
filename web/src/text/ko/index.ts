import type { Text } from "../en/index.ts";
import { activations } from "./activations.ts";
import { app } from "./app.ts";
import { input } from "./input.ts";
import { network } from "./network.ts";

export const ko: Text = { app, input, network, activations };
