import { en, type Text } from "../en/index.ts";
import { compare } from "./compare.ts";
import { diagnose } from "./diagnose.ts";
import { edits } from "./edits.ts";

export const ko: Text = { ...en, compare, diagnose, edits };
