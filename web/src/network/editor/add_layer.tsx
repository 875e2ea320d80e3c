import "./add_layer.css";
import "../../ui/control.css";
import { useId, useState } from "preact/hooks";
import { noteFailure } from "../../app/service.ts";
import { text } from "../../text/text.ts";
import { Button } from "../../ui/button.tsx";
import type { NetworkJson } from "../address.ts";
import { catalogue, exampleOf } from "./catalogue.ts";
import { insert, type Place } from "./document.ts";
import { edit } from "./history.ts";

interface Props {
  readonly document: NetworkJson;
  readonly place: Place;
}

/** Adds a layer of any type of the catalogue at the end of a list. */
export function AddLayer({ document, place }: Props) {
  const [wanted, setWanted] = useState("");
  const list = useId();
  const words = text.value.network;
  const type = catalogue.value.find(({ type: name, aliases }) => name === wanted || aliases.includes(wanted));
  const add = async () => {
    if (type === undefined) return;
    try {
      edit(insert(document, place, await exampleOf(type.type)), "");
      setWanted("");
    } catch (error) {
      noteFailure(error);
    }
  };
  return (
    <form
      class="add-layer"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <input
        class="control"
        list={list}
        aria-label={words.addLabel}
        placeholder={words.addLabel}
        value={wanted}
        onInput={(event) => setWanted(event.currentTarget.value)}
      />
      <datalist id={list}>
        {catalogue.value.map(({ type: name, summary }) => (
          <option key={name} value={name}>
            {summary}
          </option>
        ))}
      </datalist>
      <Button isDisabled={type === undefined} onClick={() => void add()}>
        {words.add}
      </Button>
    </form>
  );
}
