import "./shortcut_help.css";
import { signal } from "@preact/signals";
import { text } from "../text/text.ts";
import { Dialog } from "../ui/dialog.tsx";

export const isHelpOpen = signal(false);

/** The keys that work wherever nothing is written. */
export function ShortcutHelp() {
  if (!isHelpOpen.value) return null;
  const words = text.value.app;
  return (
    <Dialog title={words.shortcuts} onClose={() => (isHelpOpen.value = false)}>
      <dl class="shortcut-help">
        {words.shortcutList.map(([keys, told]) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{told}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
