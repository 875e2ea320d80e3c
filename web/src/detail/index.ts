/** The panel of the selected map. */

import { addPanel } from "../app/panels.ts";
import { text } from "../text/text.ts";
import { followElement } from "./arithmetic.ts";
import { MapPanel } from "./map_panel.tsx";
import { followSelection } from "./selection.ts";
import { followKernel } from "./weights.ts";

export function addMapPanel(): void {
  addPanel({ name: "map", title: () => text.value.detail.title, Component: MapPanel });
  followSelection();
  followElement();
  followKernel();
}
