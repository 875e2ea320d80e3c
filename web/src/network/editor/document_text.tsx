import "./document_text.css";
import { useEffect, useState } from "preact/hooks";
import { text } from "../../text/text.ts";
import { isObject, type NetworkJson } from "../address.ts";
import { edit } from "./history.ts";

const INDENT = 1;

/** The document as JSON; what is no JSON yet is only kept here. */
export function DocumentText({ document }: { readonly document: NetworkJson }) {
  const [written, setWritten] = useState(() => JSON.stringify(document, null, INDENT));
  const words = text.value.network;
  const isWrong = parsed(written) === undefined;
  useEffect(() => {
    if (JSON.stringify(parsed(written)) !== JSON.stringify(document)) {
      setWritten(JSON.stringify(document, null, INDENT));
    }
  }, [document]);
  return (
    <>
      <textarea
        class="document-text"
        rows={24}
        spellcheck={false}
        aria-label={words.documentText}
        aria-invalid={isWrong}
        value={written}
        onInput={(event) => {
          const next = event.currentTarget.value;
          setWritten(next);
          const found = parsed(next);
          if (found !== undefined) edit(found, "text");
        }}
      />
      {isWrong && <p class="document-wrong">{words.pasteWrong}</p>}
    </>
  );
}

function parsed(written: string): NetworkJson | undefined {
  try {
    const value: unknown = JSON.parse(written);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
