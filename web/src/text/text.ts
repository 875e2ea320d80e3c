/** Every word that the page says, in the reader's language. */

import { computed, effect, signal } from "@preact/signals";
import { store, stored } from "../app/preferences.ts";
import { en } from "./en/index.ts";
import { ko } from "./ko/index.ts";

export const LANGUAGES = { en: "English", ko: "한국어" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "language";
const TEXTS = { en, ko };

export const language = signal<Language>(first());
export const text = computed(() => TEXTS[language.value]);

/** Says it to the browser, now and whenever the reader chooses another. */
export function followLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value;
  });
}

export function speak(name: Language): void {
  language.value = name;
  store(KEY, name);
}

function first(): Language {
  const wanted = stored(KEY) ?? navigator.language.slice(0, 2);
  return wanted === "ko" ? "ko" : "en";
}
