import "./key_dialog.css";
import "../ui/control.css";
import { useState } from "preact/hooks";
import { text } from "../text/text.ts";
import { Dialog } from "../ui/dialog.tsx";
import { key, needsKey, tellKey } from "./service.ts";

/** Asks for a key where the service wants one. */
export function KeyDialog() {
  const [written, setWritten] = useState("");
  if (!needsKey.value) return null;
  const words = text.value.app;
  return (
    <Dialog title={words.keyTitle} onClose={() => (needsKey.value = false)}>
      <form
        class="key-form"
        onSubmit={(event) => {
          event.preventDefault();
          tellKey(written.trim());
        }}
      >
        <p class="quiet">{words.keyHelp}</p>
        {key.value !== null && <p class="key-wrong">{words.keyWrong}</p>}
        <label>
          <span>{words.key}</span>
          <input
            class="control"
            type="password"
            data-first
            autocomplete="off"
            required
            value={written}
            onInput={(event) => setWritten(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button main">
          {words.keySend}
        </button>
      </form>
    </Dialog>
  );
}
