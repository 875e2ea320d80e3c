/** The title of the window: the network, then the page. */

import { useEffect } from "preact/hooks";
import { network } from "../network/network.ts";
import { nameOfSource } from "../network/source_name.ts";
import { text } from "../text/text.ts";
import { part } from "./state.ts";

const model = part("model");

export function useTitle(): void {
  const name = nameOfSource(model.value, network.value.value?.plan.model.name);
  const title = `${name} · ${text.value.app.title}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
