/** Keys that work wherever nothing is written. */

import { useEffect } from "preact/hooks";
import { focusLayer } from "../activations/focus_layer.ts";
import { rows } from "../activations/run.ts";
import { isChooserOpen } from "../network/chooser.tsx";
import { redo, undo } from "../network/editor/history.ts";
import { shownRows } from "../network/folding.ts";
import { closePanel, PANEL } from "./panels.ts";
import { isHelpOpen } from "./shortcut_help.tsx";
import { isSideOpen } from "./side.ts";
import { change, state } from "./state.ts";

type Action = () => void;

const ACTIONS: Readonly<Record<string, Action>> = {
  "/": () => focus("find"),
  j: () => go(1),
  k: () => go(-1),
  p: () => document.getElementById(PANEL)?.focus(),
  n: () => {
    isChooserOpen.value = true;
  },
  "?": () => {
    isHelpOpen.value = true;
  },
  Escape: () => {
    isSideOpen.value = false;
    closePanel();
  },
};

export function useShortcuts(): void {
  useEffect(() => {
    addEventListener("keydown", act);
    return () => removeEventListener("keydown", act);
  }, []);
}

function act(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !isWriting(event.target)) {
    event.preventDefault();
    (event.shiftKey ? redo : undo)();
    return;
  }
  if (event.key === "Escape" && document.querySelector(":popover-open") !== null) return; // the browser closes it
  const action = ACTIONS[event.key];
  if (action === undefined || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
  event.preventDefault();
  action();
}

/** Whether keys go into text there, or to a window that is open. */
function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, dialog") !== null
  );
}

/** Goes to the next layer, or the one before: arrow keys then go through its maps. */
function go(by: number): void {
  const layers = [...rows.value.values()].filter((row) => row.type !== "InputLayer");
  const shown = shownRows(layers, state.value.folded);
  const at = shown.findIndex((row) => row.address === state.value.layer);
  const next = shown[Math.min(Math.max(at + by, 0), shown.length - 1)];
  if (next === undefined) return;
  change({ layer: next.address, unit: null });
  focusLayer(next.address);
}

function focus(id: string): void {
  isSideOpen.value = true;
  document.getElementById(id)?.focus(); // at once where it is in sight, so that the next key is not lost
  requestAnimationFrame(() => document.getElementById(id)?.focus());
}
