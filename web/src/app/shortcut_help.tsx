import "./shortcut_help.css";
import { signal } from "@preact/signals";
import { text } from "../text/text.ts";
import { Dialog } from "../ui/dialog.tsx";

export const isHelpOpen = signal(false);

/** What the page is, and the keys that work wherever nothing is written. */
export function ShortcutHelp() {
  if (!isHelpOpen.value) return null;
  const words = text.value.app;
  return (
    <Dialog title={words.shortcuts} onClose={() => (isHelpOpen.value = false)}>
      <p class="shortcut-about">{words.about}</p>
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
