import "./read_outline.css";
import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { part } from "../app/state.ts";
import { reads } from "./arithmetic.ts";
import { outlineOf } from "./box.ts";
import { index, selected } from "./selection.ts";

const panel = part("panel");

interface Props {
  readonly address: string;
  readonly shape: readonly number[];
  /** The map of the layer that it lies over. */
  readonly unit: number;
}

/** Outlines the part of a map that the selected value is computed from; in its own map, the value itself. */
export function ReadOutline({ address, shape, unit }: Props) {
  const outline = useMemo(() => computed(() => outlineIn(address, shape, unit)), [address, shape, unit]).value;
  if (outline === null) return null;
  const percent = (share: number) => `${100 * share}%`;
  const { left, top, width, height } = outline;
  const style = { left: percent(left), top: percent(top), width: percent(width), height: percent(height) };
  return <span class="read-outline" style={style} />;
}

function outlineIn(address: string, shape: readonly number[], unit: number) {
  if (panel.value !== "map") return null;
  const isOwn = selected.value?.row.address === address;
  const box = isOwn ? index.value?.map((place) => [place, place + 1]) : reads.value.get(address)?.box;
  return box === undefined ? null : outlineOf(shape, unit, box);
}
