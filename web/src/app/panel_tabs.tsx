import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { panels } from "./panels.ts";
import { change, part } from "./state.ts";

const open = part("panel");

/** Opens and closes the panels beside the layers. */
export function PanelTabs() {
  return (
    <nav class="head-panels" aria-label={text.value.app.panels}>
      {panels.value.map(({ name, title }) => {
        const isOn = open.value === name;
        return (
          <Button key={name} look="quiet" isOn={isOn} onClick={() => change({ panel: isOn ? null : name })}>
            {title()}
          </Button>
        );
      })}
    </nav>
  );
}
