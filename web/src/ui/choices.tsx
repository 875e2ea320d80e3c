import "./choices.css";
import { useId } from "preact/hooks";

interface Props<Name extends string> {
  readonly label: string;
  readonly names: readonly Name[];
  readonly words: Readonly<Record<Name, string>>;
  readonly chosen: Name;
  readonly onChoose: (name: Name) => void;
}

/** A few words of which one holds, side by side. */
export function Choices<Name extends string>({ label, names, words, chosen, onChoose }: Props<Name>) {
  const group = useId();
  return (
    <fieldset class="choices">
      <legend class="unseen">{label}</legend>
      {names.map((name) => (
        <label key={name} class={name === chosen ? "is-chosen" : undefined}>
          <input
            class="unseen"
            type="radio"
            name={group}
            value={name}
            checked={name === chosen}
            onChange={() => onChoose(name)}
          />
          {words[name]}
        </label>
      ))}
    </fieldset>
  );
}
