import "./chooser.css";
import { signal } from "@preact/signals";
import { look } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Dialog } from "../ui/dialog.tsx";
import type { ModelSource } from "./address.ts";
import { ApplicationForm } from "./application_form.tsx";
import { OwnNetwork } from "./own_network.tsx";
import { PRESETS } from "./presets.ts";
import { RegisteredList } from "./registered_list.tsx";

export const isChooserOpen = signal(false);

/** Shows a network, and closes the window it was chosen in. */
export function open(source: ModelSource): void {
  look(source);
  isChooserOpen.value = false;
}

/** A window to choose a network in: examples, those of the service, of keras.applications, or one's own. */
export function Chooser() {
  const words = text.value.network;
  return (
    <Dialog title={words.choose} onClose={() => (isChooserOpen.value = false)}>
      <section class="chooser-part">
        <h3>{words.presets}</h3>
        <ul class="chooser-presets">
          {Object.keys(PRESETS).map((name) => {
            const [title, told] = words.preset[name] ?? [name, ""];
            return (
              <li key={name}>
                <button type="button" class="chooser-preset" onClick={() => open({ kind: "preset", name })}>
                  <span>{title}</span>
                  <span class="quiet">{told}</span>
                </button>
              </li>
            );
          })}
        </ul>
      </section>
      <section class="chooser-part">
        <h3>{words.own}</h3>
        <OwnNetwork />
      </section>
      <section class="chooser-part">
        <h3>{words.applications}</h3>
        <ApplicationForm />
      </section>
      <section class="chooser-part">
        <h3>{words.registered}</h3>
        <RegisteredList />
      </section>
    </Dialog>
  );
}
