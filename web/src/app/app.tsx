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
import { ShortcutHelp } from "./shortcut_help.tsx";
import { useShortcuts } from "./shortcuts.ts";
import { isSideOpen } from "./side.ts";
import { Status } from "./status.tsx";
import { useTitle } from "./title.ts";
import { useTop } from "./top.ts";

/** The page: its head, the network at the side, the input and the layers in the middle, a panel beside them. */
export function App() {
  useShortcuts();
  useTitle();
  useTop();
  return (
    <div class={`app${isSideOpen.value ? " is-side-open" : ""}`}>
      <button type="button" class="app-skip" onClick={() => document.getElementById("main")?.focus()}>
        {text.value.app.skip}
      </button>
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
      <ShortcutHelp />
      <Announcer />
    </div>
  );
}
