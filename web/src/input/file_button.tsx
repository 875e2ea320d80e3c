import { useRef } from "preact/hooks";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import type { InputSource } from "./address.ts";
import { sourceOf } from "./files.ts";

const ACCEPTED = "image/*,.npy,.npz,.safetensors";

/** Chooses a file of this machine: a picture or tensors. */
export function FileButton({ onChoose }: { readonly onChoose: (source: InputSource) => void }) {
  const element = useRef<HTMLInputElement>(null);
  const words = text.value.input;
  return (
    <>
      <Button onClick={() => element.current?.click()}>{words.file}</Button>
      <input
        ref={element}
        type="file"
        hidden
        accept={ACCEPTED}
        aria-label={words.file}
        onChange={async (event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file !== undefined) onChoose(await sourceOf(file, file.name));
        }}
      />
    </>
  );
}
