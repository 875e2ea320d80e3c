/** The panel of explanations. */

import { addPanel } from "../app/panels.ts";
import { text } from "../text/text.ts";
import { ExplainPanel } from "./explain_panel.tsx";
import { followExplanation } from "./explanation.ts";

export function addExplainPanel(): void {
  addPanel({ name: "explain", title: () => text.value.explain.title, Component: ExplainPanel });
  followExplanation();
}
