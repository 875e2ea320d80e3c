import "./numbers.css";
import { useState } from "preact/hooks";
import { shape } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import type { InputProps } from "./input_section.tsx";

/** Opens a window to write or paste numbers in. */
export function NumbersButton({ spec, source, onChoose }: InputProps) {
  const [isOpen, setOpen] = useState(false);
  const [written, setWritten] = useState("");
  const words = text.value.input;
  const isWrong = written.trim() !== "" && !isNumbers(written);
  const open = () => {
    setWritten(source.kind === "numbers" ? source.json : "");
    setOpen(true);
  };
  return (
    <>
      <Button onClick={open}>{words.numbers}</Button>
      {isOpen && (
        <Dialog title={words.numbersTitle} onClose={() => setOpen(false)}>
          <p class="quiet" id="numbers-help">
            {words.numbersHelp(shape(spec.shape))}
          </p>
          <textarea
            class="numbers"
            rows={10}
            spellcheck={false}
            aria-label={words.numbersTitle}
            aria-describedby="numbers-help"
            aria-invalid={isWrong}
            value={written}
            onInput={(event) => setWritten(event.currentTarget.value)}
          />
          {isWrong && <p class="numbers-wrong">{words.numbersWrong}</p>}
          <Button
            look="main"
            isDisabled={!isNumbers(written)}
            onClick={() => {
              onChoose({ kind: "numbers", json: JSON.stringify(JSON.parse(written)) });
              setOpen(false);
            }}
          >
            {words.use}
          </Button>
        </Dialog>
      )}
    </>
  );
}

/** Whether a text is JSON of nested numbers. */
export function isNumbers(json: string): boolean {
  try {
    return isNested(JSON.parse(json));
  } catch {
    return false;
  }
}

function isNested(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isNested) : typeof value === "number" || typeof value === "boolean";
}
