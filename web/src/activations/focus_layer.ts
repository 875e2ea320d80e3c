/** Leads the keyboard to a layer. */

import { sectionId } from "./layer_section.tsx";

/** Frames in which a section that has come into view gets its maps. */
const FRAMES = 30;

/** Focuses what shows the units of a layer; its section until that is there, which it is only in view. */
export function focusLayer(address: string): void {
  const section = document.getElementById(sectionId(address));
  if (section === null || focusUnits(section)) return;
  section.focus({ preventScroll: true });
  wait(section, FRAMES);
}

function wait(section: HTMLElement, frames: number): void {
  requestAnimationFrame(() => {
    if (frames > 0 && document.activeElement === section && !focusUnits(section)) wait(section, frames - 1);
  });
}

/** The page scrolls to the layer by itself. */
function focusUnits(section: HTMLElement): boolean {
  const units = section.querySelector<HTMLElement>('.layer-body [tabindex="0"]');
  units?.focus({ preventScroll: true });
  return units !== null;
}
