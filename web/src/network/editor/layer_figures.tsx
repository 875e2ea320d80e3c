import { bytes, count, shape } from "../../text/figures.ts";
import { text } from "../../text/text.ts";
import type { LayerPlan } from "../network.ts";

/** What a layer costs and how far it sees. */
export function LayerFigures({ row }: { readonly row: LayerPlan }) {
  const words = text.value.network;
  const field = row.receptive_field;
  const parts = [
    row.type,
    `${count(row.parameters)} ${words.parameters}`,
    bytes(row.bytes),
    `${count(row.macs)} ${words.macs}`,
    field && `${words.receptiveField} ${shape([1, ...field.size])}`,
  ];
  return <p class="layer-editor-figures quiet">{parts.filter(Boolean).join(" · ")}</p>;
}
