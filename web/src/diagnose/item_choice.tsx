import { useRef } from "preact/hooks";
import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Choices } from "../ui/choices.tsx";
import { ITEMS } from "./address.ts";
import { SAMPLES } from "./batch.ts";
import { files, sampleCount } from "./diagnosis.ts";

const ACCEPTED = "image/*,.npy,.npz,.safetensors";

/** What a diagnosis looks at: samples, the input that is shown, or files, of which more can be added. */
export function ItemChoice() {
  const element = useRef<HTMLInputElement>(null);
  const words = text.value.diagnose;
  const { items } = state.value;
  return (
    <>
      <div class="diagnose-items">
        <Choices
          label={words.items}
          names={ITEMS}
          words={{
            samples: words.samples(sampleCount.value),
            shown: words.shown,
            files: words.files(files.value.length),
          }}
          chosen={items}
          onChoose={(name) => change({ items: name })}
        />
        <Button onClick={() => element.current?.click()}>{words.add}</Button>
        {files.value.length > 0 && (
          <Button look="quiet" onClick={() => (files.value = [])}>
            {words.removeFiles}
          </Button>
        )}
      </div>
      {items === "samples" && sampleCount.value < SAMPLES && <p class="quiet">{words.fewer(sampleCount.value)}</p>}
      <input
        ref={element}
        type="file"
        multiple
        hidden
        accept={ACCEPTED}
        aria-label={words.add}
        onChange={(event) => {
          files.value = [...files.value, ...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          change({ items: "files" });
        }}
      />
    </>
  );
}
