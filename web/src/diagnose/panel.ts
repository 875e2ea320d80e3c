/** The panel that says what is wrong with a network, and the number of findings as a colour of the graph. */

import { computed } from "@preact/signals";
import { addPanel } from "../app/panels.ts";
import { measures } from "../network/measures.ts";
import { text } from "../text/text.ts";
import { DiagnosePanel } from "./diagnose_panel.tsx";
import { diagnosis, NAME } from "./diagnosis.ts";
import { found } from "./findings.ts";

const counts = computed(() => {
  const reply = diagnosis.value.value;
  if (reply === null) return null;
  const all = new Map<string, number>(reply.layers.map((layer) => [layer.address, 0]));
  for (const { address } of found(reply.findings)) all.set(address, (all.get(address) ?? 0) + 1);
  return all;
});

addPanel({ name: NAME, title: () => text.value.diagnose.title, Component: DiagnosePanel });
measures.value = {
  ...measures.value,
  findings: { of: (address) => counts.value?.get(address) ?? null, written: String },
};
