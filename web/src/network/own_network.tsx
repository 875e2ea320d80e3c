import "./own_network.css";
import { useRef, useState } from "preact/hooks";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Elapsed } from "../ui/elapsed.tsx";
import { Notice } from "../ui/notice.tsx";
import { Problems } from "../ui/problems.tsx";
import { isObject, type NetworkJson } from "./address.ts";
import { isChooserOpen, open } from "./chooser.tsx";
import { upload, uploading } from "./uploads.ts";

const ACCEPTED = ".keras,.h5,.hdf5,.json,.zip,.tar,.gz,.tgz,.npz,.safetensors";

/** Opens a network of the reader's own: a file, or JSON that is pasted. */
export function OwnNetwork() {
  const element = useRef<HTMLInputElement>(null);
  const words = text.value.network;
  const error = uploading.error.value;
  return (
    <div class="own-network">
      <p class="quiet">{words.ownHelp}</p>
      <div class="own-file">
        <Button onClick={() => element.current?.click()}>{words.file}</Button>
        {uploading.since.value !== null && <Elapsed since={uploading.since.value} />}
      </div>
      <input
        ref={element}
        type="file"
        hidden
        accept={ACCEPTED}
        aria-label={words.file}
        onChange={async (event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file === undefined) return;
          await upload(file);
          if (uploading.error.value === null) isChooserOpen.value = false;
        }}
      />
      {error !== null && (
        <Notice kind="wrong" title={text.value.app.failed}>
          <Problems error={error} />
        </Notice>
      )}
      <Pasting />
    </div>
  );
}

function Pasting() {
  const [written, setWritten] = useState("");
  const words = text.value.network;
  const document = documentIn(written);
  return (
    <>
      <label class="own-paste">
        <span>{words.paste}</span>
        <textarea
          rows={4}
          spellcheck={false}
          value={written}
          aria-invalid={written.trim() !== "" && document === undefined}
          onInput={(event) => setWritten(event.currentTarget.value)}
        />
      </label>
      {written.trim() !== "" && document === undefined && <p class="own-wrong">{words.pasteWrong}</p>}
      <Button isDisabled={document === undefined} onClick={() => document && open({ kind: "document", document })}>
        {words.open}
      </Button>
    </>
  );
}

/** The document in a text; Keras writes its JSON as text in JSON, too. */
function documentIn(written: string): NetworkJson | undefined {
  try {
    const value: unknown = JSON.parse(written);
    if (typeof value === "string") return documentIn(value);
    if (Array.isArray(value)) return { layers: value };
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
