/** The panel that compares two runs. */

import { addPanel } from "../app/panels.ts";
import { text } from "../text/text.ts";
import { ComparePanel } from "./compare_panel.tsx";
import { addDifference } from "./measure.ts";

addPanel({ name: "compare", title: () => text.value.compare.title, Component: ComparePanel });
addDifference();
