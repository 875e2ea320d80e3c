import { en, type Text } from "../en/index.ts";
import { detail } from "./detail.ts";
import { explain } from "./explain.ts";
import { share } from "./share.ts";

export const ko: Text = { ...en, detail, explain, share };
