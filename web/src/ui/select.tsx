import "./select.css";
import "./control.css";

interface Props<Name extends string> {
  readonly label: string;
  readonly names: readonly Name[];
  readonly words: Readonly<Record<string, string>>;
  readonly chosen: Name;
  readonly onChoose: (name: Name) => void;
  /** Whether the label is read out but not shown. */
  readonly isBare?: boolean;
}

/** One of several words, from a list that opens. */
export function Select<Name extends string>({ label, names, words, chosen, onChoose, isBare = false }: Props<Name>) {
  return (
    <label class="select">
      <span class={isBare ? "unseen" : "quiet"}>{label}</span>
      <select class="control" value={chosen} onChange={(event) => onChoose(event.currentTarget.value as Name)}>
        {names.map((name) => (
          <option key={name} value={name}>
            {words[name] ?? name}
          </option>
        ))}
      </select>
    </label>
  );
}
