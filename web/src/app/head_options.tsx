import { ShareButton } from "../share/share_button.tsx";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { copied, copyLink } from "./copy_link.ts";
import { Settings } from "./settings.tsx";
import { isHelpOpen } from "./shortcut_help.tsx";

/** What holds for the whole page: links to it, its code, its keys, its settings. */
export function HeadOptions() {
  const words = text.value.app;
  return (
    <div class="head-options">
      <Button look="quiet" onClick={() => void copyLink()}>
        {copied.value ?? words.copy}
      </Button>
      <ShareButton />
      <Settings />
      <Button look="quiet" label={words.shortcuts} onClick={() => (isHelpOpen.value = true)}>
        ?
      </Button>
    </div>
  );
}
