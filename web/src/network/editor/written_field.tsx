import "./written_field.css";
import "../../ui/control.css";
import type { ProblemItem } from "layerscope";
import { useEffect, useId, useState } from "preact/hooks";
import { text } from "../../text/text.ts";
import { read, written } from "./written.ts";

/** The name of the field that the service begins a message with. */
const NAMED = /^[\w.]+: /;

interface Props {
  readonly name: string;
  readonly value: unknown;
  readonly description?: string;
  readonly placeholder?: string;
  readonly isRequired?: boolean;
  readonly problem?: ProblemItem | undefined;
  readonly onChange: (value: unknown) => void;
}

/** An argument that is written; what is wrong with it stands below. */
export function WrittenField({ name, value, description, placeholder, isRequired, problem, onChange }: Props) {
  const id = useId();
  const [draft, setDraft] = useState(written(value));
  useEffect(() => {
    if (JSON.stringify(read(draft)) !== JSON.stringify(value)) setDraft(written(value));
  }, [value]);
  return (
    <div class="field">
      <label for={id} title={description}>
        {name}
      </label>
      <input
        class="control"
        id={id}
        value={draft}
        placeholder={placeholder}
        required={isRequired}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={problem !== undefined}
        aria-describedby={problem && `${id}-problem`}
        onInput={(event) => {
          setDraft(event.currentTarget.value);
          onChange(read(event.currentTarget.value));
        }}
      />
      {problem && <FieldProblem id={`${id}-problem`} problem={problem} />}
    </div>
  );
}

interface ProblemProps {
  readonly id: string;
  readonly problem: ProblemItem;
}

/** What is wrong with a field, whose name stands above, and what to write. */
export function FieldProblem({ id, problem }: ProblemProps) {
  const { message, expected, suggestion } = problem;
  return (
    <p id={id} class="field-problem" role="alert">
      {message.replace(NAMED, "")}
      {expected && ` (${text.value.app.expected}: ${expected})`}
      {suggestion && <strong>{` · ${suggestion}`}</strong>}
    </p>
  );
}
