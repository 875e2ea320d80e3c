import { useEffect } from "preact/hooks";
import { part } from "../app/state.ts";
import { shownRows } from "../network/folding.ts";
import { nodeColour } from "../network/measures.ts";
import { hasNoLayers, network } from "../network/network.ts";
import { text } from "../text/text.ts";
import { LayerSection, sectionId } from "./layer_section.tsx";
import { type Run, run } from "./run.ts";

const [folded, layer] = [part("folded"), part("layer")];

/** Every layer in the order of computation. */
export function LayerList() {
  const computed = run.value.value;
  useEffect(() => () => computed?.tensors.end(), [computed]);
  if (computed === null) return isOnTheWay() ? <Waiting /> : null;
  const inputs = new Set(Object.keys(computed.reply.inputs));
  const rows = shownRows(computed.reply.layers, folded.value).filter((row) => !inputs.has(row.address));
  return (
    <div class={isStale(computed) ? "layers is-stale" : "layers"}>
      <Reveal />
      {rows.length === 0 && <p class="layers-empty quiet">{text.value.activations.empty}</p>}
      {rows.map((row) => (
        <LayerSection key={row.address} row={row} tensors={computed.tensors} colour={nodeColour.value(row.address)} />
      ))}
    </div>
  );
}

/** Scrolls to the layer that is chosen; apart, so that a choice draws no list anew. */
function Reveal() {
  const chosen = layer.value;
  useEffect(() => {
    if (chosen !== null) reveal(document.getElementById(sectionId(chosen)));
  }, [chosen]);
  return null;
}

/** Scrolls to a section that is out of sight: to its top, since what is above and below may still grow. */
function reveal(section: HTMLElement | null): void {
  const { top, bottom } = section?.getBoundingClientRect() ?? { top: 0, bottom: 0 };
  if (top < 0 || bottom > innerHeight) section?.scrollIntoView({ block: "start" });
}

/** Whether what is shown is not yet, or no more, what the state says. */
function isStale(computed: Run): boolean {
  return run.error.value !== null || network.error.value !== null || computed.network !== network.value.value;
}

/** Whether layers are to be expected: neither was the network refused, nor does it have none. */
function isOnTheWay(): boolean {
  return run.error.value === null && network.error.value === null && !hasNoLayers.value;
}

/** The place of the layers before the first run. */
function Waiting() {
  return (
    <div class="layers is-waiting" aria-hidden="true">
      {Array.from({ length: 6 }, (_, at) => (
        <div key={at} class="layer" />
      ))}
    </div>
  );
}
