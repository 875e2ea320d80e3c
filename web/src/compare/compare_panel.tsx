import "./compare_panel.css";
import { state } from "../app/state.ts";
import { EditForm } from "../edits/edit_form.tsx";
import { text } from "../text/text.ts";
import { Pinned } from "./pinned.tsx";
import { Result } from "./result.tsx";
import { Sides } from "./sides.tsx";

/** Compares the run that is pinned with the one that is shown: what differs, by how much, and where it begins. */
export function ComparePanel() {
  const words = text.value.compare;
  const isPinned = state.value.pin !== null;
  return (
    <>
      <section class="compare-part" aria-label={words.a}>
        <Pinned />
      </section>
      {isPinned && (
        <section class="compare-part" aria-label={words.b}>
          <h3>{words.b}</h3>
          <Sides />
        </section>
      )}
      <section class="compare-part" aria-label={words.edit}>
        <EditForm />
      </section>
      {isPinned && (
        <section class="compare-part" aria-label={words.result}>
          <Result />
        </section>
      )}
    </>
  );
}
