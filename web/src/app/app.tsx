import "./app.css";
import { LayerList } from "../activations/layer_list.tsx";
import { EditChips } from "../edits/edit_chips.tsx";
import { DropZone } from "../input/drop_zone.tsx";
import { InputList } from "../input/input_list.tsx";
import { NetworkSide } from "../network/network_side.tsx";
import { text } from "../text/text.ts";
import { Announcer } from "./announcer.tsx";
import { Dock } from "./dock.tsx";
import { Head } from "./head.tsx";
import { KeyDialog } from "./key_dialog.tsx";
import { isSideOpen } from "./side.ts";
import { Status } from "./status.tsx";
import { useShortcuts } from "./shortcuts.ts";

/** The page: its head, the network at the side, the input and the layers in the middle, a panel beside them. */
export function App() {
  useShortcuts();
  return (
    <div class={`app${isSideOpen.value ? " is-side-open" : ""}`}>
      <a class="app-skip" href="#main" onClick={focusMain}>
        {text.value.app.skip}
      </a>
      <Head />
      <NetworkSide />
      <main id="main" class="app-main" tabIndex={-1} aria-label={text.value.app.layers}>
        <Status />
        <EditChips />
        <InputList />
        <LayerList />
      </main>
      <Dock />
      <DropZone />
      <KeyDialog />
      <Announcer />
    </div>
  );
}

/** The fragment of the address is the page's state, so that a link cannot lead there by itself. */
function focusMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
