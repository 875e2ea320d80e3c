import type { Text } from "../en/index.ts";
import { activations } from "./activations.ts";
import { app } from "./app.ts";
import { compare } from "./compare.ts";
import { diagnose } from "./diagnose.ts";
import { edits } from "./edits.ts";
import { input } from "./input.ts";
import { network } from "./network.ts";

export const ko: Text = { app, input, network, activations, compare, diagnose, edits };
