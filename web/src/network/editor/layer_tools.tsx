import { text } from "../../text/text.ts";
import { Button } from "../../ui/button.tsx";
import type { NetworkJson } from "../address.ts";
import { duplicate, move, type Place, remove } from "./document.ts";
import { edit } from "./history.ts";

interface Props {
  readonly document: NetworkJson;
  readonly place: Place;
  readonly name: string;
  /** How many layers its list has. */
  readonly count: number;
}

/** Moves, duplicates and removes a layer. */
export function LayerTools({ document, place, name, count }: Props) {
  const words = text.value.network;
  const at = place.at(-1) ?? 0;
  const tools = [
    { sign: "↑", label: words.up(name), isDisabled: at === 0, act: () => move(document, place, at - 1) },
    { sign: "↓", label: words.down(name), isDisabled: at === count - 1, act: () => move(document, place, at + 1) },
    { sign: words.duplicateShort, label: words.duplicate(name), act: () => duplicate(document, place) },
    { sign: words.removeShort, label: words.remove(name), act: () => remove(document, place) },
  ];
  return (
    <div class="layer-editor-tools">
      {tools.map(({ sign, label, isDisabled = false, act }) => (
        <Button key={sign} look="quiet" label={label} isDisabled={isDisabled} onClick={() => edit(act(), "")}>
          {sign}
        </Button>
      ))}
    </div>
  );
}
