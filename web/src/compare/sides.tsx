import "./sides.css";
import type { ComponentChildren } from "preact";
import { change, state } from "../app/state.ts";
import { chosen } from "../input/content.ts";
import { network } from "../network/network.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import { POLICIES } from "./address.ts";
import type { Thing } from "./changes.ts";
import { changed } from "./comparison.ts";
import { inputWords } from "./input_words.ts";
import { OtherWeights } from "./other_weights.tsx";

/** What B is made of, each thing with the way to change it; those that differ from A stand out. */
export function Sides() {
  const words = text.value.compare;
  const { inputs, training, edits, policy } = state.value;
  const sources = Object.values(chosen(inputs, network.value.value?.plan.inputs ?? {}));
  return (
    <dl class="sides">
      <Row thing="network">
        <OtherWeights />
      </Row>
      <Row thing="input">{sources.map(inputWords).join(", ")}</Row>
      <Row thing="training">
        <input
          type="checkbox"
          aria-label={words.things.training}
          checked={training}
          onChange={(event) => change({ training: event.currentTarget.checked })}
        />
      </Row>
      <Row thing="edits">{words.edits(edits.length)}</Row>
      <Row thing="precision">
        <Select
          label={words.things.precision}
          isBare
          names={POLICIES}
          words={words.policies}
          chosen={policy}
          onChoose={(name) => change({ policy: name })}
        />
      </Row>
    </dl>
  );
}

function Row({ thing, children }: { readonly thing: Thing; readonly children: ComponentChildren }) {
  const words = text.value.compare;
  const isChanged = changed.value.includes(thing);
  return (
    <>
      <dt class={isChanged ? "is-changed" : undefined}>
        {words.things[thing]}
        {isChanged && <span class="unseen">{` (${words.changed})`}</span>}
      </dt>
      <dd>{children}</dd>
    </>
  );
}
