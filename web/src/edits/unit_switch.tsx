import "./unit_switch.css";
import type { LayerRow } from "../activations/run.ts";
import { useChosenUnit } from "../app/chosen.ts";
import { change, part } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { channelOf, isOff, isWholeOff, MOST, toggled } from "./edit.ts";

const made = part("edits");

/** Switches the map or unit that is chosen off, and on again: what is downstream follows. */
export function UnitSwitch({ row }: { readonly row: LayerRow }) {
  const unit = useChosenUnit(row.address);
  if (unit === null) return null;
  const edits = made.value;
  const channel = channelOf(row.shape, unit);
  const off = isOff(edits, row.address, channel);
  const words = text.value.edits;
  const name = row.labels?.[channel] ?? words.channel(channel);
  return (
    <div class="unit-switch">
      <Button
        look="quiet"
        isOn={off}
        isDisabled={isWholeOff(edits, row.address) || (!off && edits.length >= MOST)}
        onClick={() => change({ edits: toggled(edits, row.address, channel) })}
      >
        {off ? words.switchOn(name) : words.switchOff(name)}
      </Button>
    </div>
  );
}
