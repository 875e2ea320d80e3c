import { useEffect, useState } from "preact/hooks";
import { noteFailure, service } from "../app/service.ts";
import { change, state } from "../app/state.ts";
import { network } from "../network/network.ts";
import { nameOfSource } from "../network/source_name.ts";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";
import type { Made } from "./address.ts";
import { isSameModel } from "./changes.ts";

const PRESENT = "";
const PINNED = " ";

/** Chooses another network for B, mostly the same with other weights: one that the service has under a name. */
export function OtherWeights() {
  const [names, setNames] = useState<readonly string[]>([]);
  const { model, pin } = state.value;
  useEffect(() => {
    service.value.models().then((list) => setNames(list.models.map((one) => one.name)), noteFailure);
  }, [service.value, model]);
  const isOther = pin !== null && !isSameModel(pin.model, model);
  const own = network.value.value?.registered;
  const others = names.filter((name) => name !== own);
  const words = { [PRESENT]: nameOfSource(model, network.value.value?.plan.model.name), [PINNED]: ofPinned(pin) };
  return (
    <Select
      label={text.value.compare.things.network}
      isBare
      names={[PRESENT, ...(isOther ? [PINNED] : []), ...others]}
      words={words}
      chosen={PRESENT}
      onChoose={(name) => choose(name, pin)}
    />
  );
}

function ofPinned(pin: Made | null): string {
  return pin === null ? "" : text.value.compare.asPinned(nameOfSource(pin.model, null));
}

/** The inputs and what is selected stay: only the network is another. */
function choose(name: string, pin: Made | null): void {
  if (name === PINNED && pin !== null) change({ model: pin.model });
  else if (name !== PRESENT) change({ model: { kind: "registered", name } });
}
