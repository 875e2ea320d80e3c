import "./diagnose_panel.css";
import { state } from "../app/state.ts";
import { network } from "../network/network.ts";
import { seconds } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Elapsed } from "../ui/elapsed.tsx";
import { Refusal } from "../ui/refusal.tsx";
import { allowed, diagnosis, expected, files, isAsking } from "./diagnosis.ts";
import { Findings } from "./findings_list.tsx";
import { ItemChoice } from "./item_choice.tsx";

/** Says what is wrong with the layers of the network, and what to try. */
export function DiagnosePanel() {
  const words = text.value.diagnose;
  return (
    <>
      <section class="diagnose-part" aria-label={words.items}>
        <p class="quiet">{words.told}</p>
        <ItemChoice />
      </section>
      <section class="diagnose-part" aria-label={words.findings}>
        <Result />
      </section>
    </>
  );
}

function Result() {
  const words = text.value.diagnose;
  const { value: reply, error, since } = diagnosis;
  if (isAsking.value) return <Question />;
  if (state.value.items === "files" && files.value.length === 0) return <p class="quiet">{words.noFiles}</p>;
  if (error.value !== null) {
    return <Refusal error={error.value} />;
  }
  if (since.value !== null) {
    return (
      <p class="diagnose-wait quiet" role="status">
        {words.looking} <Elapsed since={since.value} />
        <Button look="quiet" onClick={diagnosis.cancel}>
          {text.value.app.cancel}
        </Button>
      </p>
    );
  }
  return reply.value === null ? null : <Findings reply={reply.value} />;
}

/** Asks before work that takes long. */
function Question() {
  const words = text.value.diagnose;
  return (
    <>
      <p>{words.long(seconds(expected.value))}</p>
      <Button look="main" onClick={() => (allowed.value = network.value.value)}>
        {words.start}
      </Button>
    </>
  );
}
