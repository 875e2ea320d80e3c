import "./head.css";
import { ViewBar } from "../activations/view_bar.tsx";
import { network } from "../network/network.ts";
import { nameOfSource } from "../network/source_name.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { HeadOptions } from "./head_options.tsx";
import { PanelTabs } from "./panel_tabs.tsx";
import { isSideOpen } from "./side.ts";
import { part } from "./state.ts";

const model = part("model");

/** The head of the page: its name, the panels, how maps are shown, and what holds for the whole page. */
export function Head() {
  const name = nameOfSource(model.value, network.value.value?.plan.model.name);
  return (
    <header class="head">
      <h1>
        {text.value.app.title}
        <span class="unseen">{`: ${name}`}</span>
      </h1>
      <div class="head-side">
        <Button isOn={isSideOpen.value} onClick={() => (isSideOpen.value = !isSideOpen.value)}>
          {name}
        </Button>
      </div>
      <PanelTabs />
      <ViewBar />
      <HeadOptions />
    </header>
  );
}
