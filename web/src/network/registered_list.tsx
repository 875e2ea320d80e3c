import "./registered_list.css";
import type { ModelList } from "layerscope";
import { useEffect, useState } from "preact/hooks";
import { noteFailure, service } from "../app/service.ts";
import { text } from "../text/text.ts";
import { open } from "./chooser.tsx";

/** The networks that the service has under a name. */
export function RegisteredList() {
  const [models, setModels] = useState<ModelList["models"] | null>(null);
  useEffect(() => {
    service.value.models().then((list) => setModels(list.models), noteFailure);
  }, [service.value]);
  if (models === null) return null;
  if (models.length === 0) return <p class="quiet">{text.value.network.none}</p>;
  return (
    <ul class="registered">
      {models.map(({ name }) => (
        <li key={name}>
          <button type="button" class="chooser-preset" onClick={() => open({ kind: "registered", name })}>
            {name}
          </button>
        </li>
      ))}
    </ul>
  );
}
