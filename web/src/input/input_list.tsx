import { change, part } from "../app/state.ts";
import { network } from "../network/network.ts";
import type { InputSource } from "./address.ts";
import { chosen } from "./content.ts";
import { InputSection } from "./input_section.tsx";

const inputs = part("inputs");

/** Every input of the network. */
export function InputList() {
  const specs = network.value.value?.plan.inputs;
  if (specs === undefined) return null;
  const names = Object.keys(specs);
  const sources = chosen(inputs.value, specs);
  return (
    <div class="inputs">
      {names.map((name) => (
        <InputSection
          key={name}
          name={name}
          spec={specs[name] as NonNullable<(typeof specs)[string]>}
          source={sources[name] as InputSource}
          onChoose={(source) => put(names.length === 1 ? "" : name, source)}
        />
      ))}
    </div>
  );
}

/** Gives an input something else; the only input needs no name. */
function put(name: string, source: InputSource): void {
  change({ inputs: { ...inputs.value, [name]: source } });
}
