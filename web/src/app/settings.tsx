import "./settings.css";
import { LANGUAGES, type Language, language, speak, text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import { choose, THEMES, theme } from "./theme.ts";

const ID = "settings";

/** What is set once, for the whole page: a button, and what it opens over the page. The browser closes it. */
export function Settings() {
  const words = text.value.app;
  const languages = Object.keys(LANGUAGES) as Language[];
  return (
    <>
      <button type="button" class="button quiet" popovertarget={ID}>
        {words.settings}
      </button>
      <div id={ID} class="settings" popover="auto">
        <Select label={words.theme} names={THEMES} words={words.themes} chosen={theme.value} onChoose={choose} />
        <Select label={words.language} names={languages} words={LANGUAGES} chosen={language.value} onChoose={speak} />
        <a href="docs">{words.docs}</a>
      </div>
    </>
  );
}
