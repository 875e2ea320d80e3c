import "./network_side.css";
import { isSideOpen } from "../app/side.ts";
import { change, part } from "../app/state.ts";
import { bytes, count } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Choices } from "../ui/choices.tsx";
import { Chooser, isChooserOpen } from "./chooser.tsx";
import { Editor } from "./editor/editor.tsx";
import { Graph } from "./graph/graph.tsx";
import { network } from "./network.ts";
import { nameOfSource } from "./source_name.ts";
import { TrainingMode } from "./training_mode.tsx";

const SIDES = ["graph", "edit"] as const;
const [model, side] = [part("model"), part("side")];

/** The network: which it is, what it costs, its graph or its editor. */
export function NetworkSide() {
  const words = text.value.network;
  return (
    <nav class={`network-side${isSideOpen.value ? " is-open" : ""}`} aria-label={words.title}>
      <div class="network-name">
        <h2>{nameOfSource(model.value, network.value.value?.plan.model.name)}</h2>
        <Button onClick={() => (isChooserOpen.value = true)}>{words.change}</Button>
      </div>
      <Totals />
      <div class="network-modes">
        <Choices
          label={words.title}
          names={SIDES}
          words={{ graph: words.graph, edit: words.edit }}
          chosen={side.value}
          onChoose={(name) => change({ side: name })}
        />
        <TrainingMode />
      </div>
      {side.value === "graph" ? <Graph /> : <Editor />}
      {isChooserOpen.value && <Chooser />}
    </nav>
  );
}

function Totals() {
  const totals = network.value.value?.plan.totals;
  if (totals === undefined) return <p class="network-totals quiet"> </p>;
  const words = text.value.network;
  const parts = [
    words.layers(totals.layers),
    `${count(totals.parameters)} ${words.parameters}`,
    bytes(totals.parameter_bytes),
    `${count(totals.macs)} ${words.macs}`,
  ];
  return (
    <ul class="network-totals quiet">
      {parts.map((part) => (
        <li key={part}>{part}</li>
      ))}
    </ul>
  );
}
