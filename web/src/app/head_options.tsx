import { ShareButton } from "../share/share_button.tsx";
import { LANGUAGES, type Language, language, speak, text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Select } from "../ui/select.tsx";
import { copied, copyLink } from "./copy_link.ts";
import { isHelpOpen } from "./shortcut_help.tsx";
import { choose, THEMES, theme } from "./theme.ts";

/** What holds for the whole page: links to it, its keys, the API, the theme, the language. */
export function HeadOptions() {
  const words = text.value.app;
  const languages = Object.keys(LANGUAGES) as Language[];
  return (
    <div class="head-options">
      <Button look="quiet" onClick={() => void copyLink()}>
        {copied.value ?? words.copy}
      </Button>
      <ShareButton />
      <Button look="quiet" label={words.shortcuts} onClick={() => (isHelpOpen.value = true)}>
        ?
      </Button>
      <a class="head-link" href="docs">
        {words.docs}
      </a>
      <Select label={words.theme} isBare names={THEMES} words={words.themes} chosen={theme.value} onChoose={choose} />
      <Select
        label={words.language}
        isBare
        names={languages}
        words={LANGUAGES}
        chosen={language.value}
        onChoose={speak}
      />
    </div>
  );
}
