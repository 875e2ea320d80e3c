import { en, type Text } from "../en/index.ts";

export const ko: Text = en;
