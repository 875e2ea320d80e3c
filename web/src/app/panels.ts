/** Panels beside the layers, by name: what is asked about a layer, a map or the run. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { change, state } from "./state.ts";

export interface Panel {
  /** As it stands in the address. */
  readonly name: string;
  readonly title: () => string;
  readonly Component: ComponentType;
}

/** From what is nearest to the map that is looked at; panels that are not named here come last. */
const ORDER = ["map", "explain", "compare", "diagnose"];

/** In the order of their tabs. Each panel adds itself. */
export const panels = signal<readonly Panel[]>([]);

export function addPanel(panel: Panel): void {
  panels.value = [...panels.value, panel].sort((one, other) => rank(one) - rank(other));
}

function rank({ name }: Panel): number {
  const place = ORDER.indexOf(name);
  return place < 0 ? ORDER.length : place;
}

/** The panel that is open; null for none. */
export function openPanel(): Panel | null {
  return panels.value.find((panel) => panel.name === state.value.panel) ?? null;
}

/** Looks at a unit of a layer that was pointed at, in the panel that is open, else in that of maps. */
export function lookAt(layer: string, unit: number): void {
  change({ layer, unit, panel: openPanel()?.name ?? "map" });
}

/** The id of the open panel's element, for the key that leads to it. */
export const PANEL = "panel";

/** Where the focus was in it, it goes to the layers, from where Tab goes on. */
export function closePanel(): void {
  const isInside = document.getElementById(PANEL)?.contains(document.activeElement) === true;
  change({ panel: null });
  if (isInside) document.getElementById("main")?.focus();
}
