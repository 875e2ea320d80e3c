import { signal } from "@preact/signals";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { ShareDialog } from "./share_dialog.tsx";

const isOpen = signal(false);

/** Opens the window with the code of what is shown. */
export function ShareButton() {
  return (
    <>
      <Button look="quiet" onClick={() => (isOpen.value = true)}>
        {text.value.share.copyAs}
      </Button>
      {isOpen.value && <ShareDialog onClose={() => (isOpen.value = false)} />}
    </>
  );
}
