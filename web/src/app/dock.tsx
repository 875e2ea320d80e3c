import "./dock.css";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { closePanel, openPanel, PANEL } from "./panels.ts";

/** The panel that is open, beside the layers; over them where the window is narrow. */
export function Dock() {
  const panel = openPanel();
  if (panel === null) return null;
  return (
    <aside id={PANEL} class="dock" tabIndex={-1} aria-label={panel.title()}>
      <header class="dock-head">
        <h2>{panel.title()}</h2>
        <Button look="quiet" onClick={closePanel}>
          {text.value.app.close}
        </Button>
      </header>
      <panel.Component />
    </aside>
  );
}
