import "./head.css";
import { signal } from "@preact/signals";
import { ViewBar } from "../activations/view_bar.tsx";
import { isShareable as isInputShareable } from "../input/address.ts";
import { isShareable } from "../network/address.ts";
import { network } from "../network/network.ts";
import { nameOfSource } from "../network/source_name.ts";
import { ShareButton } from "../share/share_button.tsx";
import { LANGUAGES, type Language, language, speak, text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Select } from "../ui/select.tsx";
import { panels } from "./panels.ts";
import { isHelpOpen } from "./shortcut_help.tsx";
import { isSideOpen } from "./side.ts";
import { change, fragmentOf, state } from "./state.ts";
import { choose, THEMES, theme } from "./theme.ts";

const SHOWN_MS = 3000;
const copied = signal<string | null>(null);

/** The head of the page: its name, the panels, and what holds for the whole page. */
export function Head() {
  const words = text.value.app;
  return (
    <header class="head">
      <h1>
        {words.title}
        <span class="unseen">{`: ${network.value.value?.plan.model.name ?? ""}`}</span>
      </h1>
      <div class="head-side">
        <Button isOn={isSideOpen.value} onClick={() => (isSideOpen.value = !isSideOpen.value)}>
          {nameOfSource(state.value.model, network.value.value?.plan.model.name)}
        </Button>
      </div>
      <nav class="head-panels" aria-label={words.panels}>
        {panels.value.map((panel) => {
          const isOn = state.value.panel === panel.name;
          return (
            <Button
              key={panel.name}
              look="quiet"
              isOn={isOn}
              onClick={() => change({ panel: isOn ? null : panel.name })}
            >
              {panel.title()}
            </Button>
          );
        })}
      </nav>
      <ViewBar />
      <div class="head-options">
        <Button look="quiet" onClick={() => void copyLink()}>
          {copied.value ?? words.copy}
        </Button>
        <Button look="quiet" label={words.shortcuts} onClick={() => (isHelpOpen.value = true)}>
          ?
        </Button>
        <ShareButton />
        <a class="head-link" href="docs">
          {words.docs}
        </a>
        <Select label={words.theme} isBare names={THEMES} words={words.themes} chosen={theme.value} onChoose={choose} />
        <Select
          label={words.language}
          isBare
          names={Object.keys(LANGUAGES) as Language[]}
          words={LANGUAGES}
          chosen={language.value}
          onChoose={speak}
        />
      </div>
    </header>
  );
}

async function copyLink(): Promise<void> {
  const { model, inputs } = state.value;
  const address = new URL(location.href);
  address.hash = fragmentOf(state.value);
  await navigator.clipboard.writeText(address.href);
  const isWhole = isShareable(model) && Object.values(inputs).every(isInputShareable);
  copied.value = isWhole ? text.value.app.copied : text.value.app.copiedWithout;
  setTimeout(() => (copied.value = null), SHOWN_MS);
}
