/** Where the page begins. */

import { useEffect } from "preact/hooks";
import { looks } from "./state.ts";

/** Another network is shown from its input on, wherever the last one was scrolled to. */
export function useTop(): void {
  const number = looks.value;
  useEffect(() => {
    if (number > 0) document.getElementById("main")?.scrollTo({ top: 0 });
  }, [number]);
}
