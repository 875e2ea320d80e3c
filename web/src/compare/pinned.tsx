import { change, state } from "../app/state.ts";
import { chosen } from "../input/content.ts";
import { network } from "../network/network.ts";
import { nameOfSource } from "../network/source_name.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import type { Made } from "./address.ts";
import { changed, shown } from "./comparison.ts";
import { inputWords } from "./input_words.ts";

/** The run that is pinned as A, or how to pin one. */
export function Pinned() {
  const words = text.value.compare;
  const { pin } = state.value;
  if (pin === null) return <Invitation />;
  return (
    <>
      <h3>{words.a}</h3>
      <p>{told(pin)}</p>
      <div class="compare-buttons">
        {changed.value.length > 0 && <Button onClick={() => change({ ...pin, policy: "own" })}>{words.back}</Button>}
        <Button onClick={() => change({ pin: shown.value })} isDisabled={changed.value.length === 0}>
          {words.pinInstead}
        </Button>
        <Button onClick={() => change({ pin: null, policy: "own" })}>{words.unpin}</Button>
      </div>
    </>
  );
}

function Invitation() {
  const words = text.value.compare;
  const hasEdits = state.value.edits.length > 0;
  return (
    <>
      <p class="quiet">{words.invitation}</p>
      <div class="compare-buttons">
        {hasEdits && (
          <Button look="main" onClick={() => change({ pin: { ...shown.value, edits: [] } })}>
            {words.pinWithout}
          </Button>
        )}
        <Button look={hasEdits ? "plain" : "main"} onClick={() => change({ pin: shown.value })}>
          {words.pin}
        </Button>
      </div>
    </>
  );
}

/** The network, its input, and what else is not as usual. */
function told(pin: Made): string {
  const words = text.value.compare;
  const parts = [
    nameOfSource(pin.model, null),
    ...Object.values(chosen(pin.inputs, network.value.value?.plan.inputs ?? {})).map(inputWords),
    ...(pin.training ? [words.things.training] : []),
    ...(pin.edits.length > 0 ? [words.edits(pin.edits.length)] : []),
  ];
  return parts.join(" · ");
}
