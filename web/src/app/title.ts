/** The title of the window: the network, then the page. */

import { useEffect } from "preact/hooks";
import { network } from "../network/network.ts";
import { nameOfSource } from "../network/source_name.ts";
import { text } from "../text/text.ts";
import { state } from "./state.ts";

export function useTitle(): void {
  const name = nameOfSource(state.value.model, network.value.value?.plan.model.name);
  const title = `${name} · ${text.value.app.title}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
