/** Light or dark: as the reader chose, else as the system is. The choice is the reader's, so it is not in the address. */

import { computed, effect, signal } from "@preact/signals";
import { store, stored } from "./preferences.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const isSystemDark = signal(system.matches);

export const theme = signal<Theme>(THEMES.find((name) => name === stored(KEY)) ?? "system");
export const isDark = computed(() => (theme.value === "system" ? isSystemDark.value : theme.value === "dark"));

/** Paints the page, now and whenever the choice or the system changes. */
export function followTheme(): void {
  system.addEventListener("change", () => {
    isSystemDark.value = system.matches;
  });
  effect(() => {
    document.documentElement.dataset["theme"] = isDark.value ? "dark" : "light";
  });
}

export function choose(name: Theme): void {
  theme.value = name;
  store(KEY, name);
}
