import "./find.css";
import "../../ui/control.css";
import { change, state } from "../../app/state.ts";
import { text } from "../../text/text.ts";
import type { Planned } from "./nodes.ts";

interface Props {
  readonly wanted: string;
  readonly onWant: (wanted: string) => void;
  readonly found: readonly Planned[];
}

/** Finds layers by a part of their name or type; Enter goes to the first, and from one to the next. */
export function Find({ wanted, onWant, found }: Props) {
  const words = text.value.network;
  return (
    <div class="find">
      <input
        class="control"
        id="find"
        type="search"
        placeholder={words.find}
        aria-label={words.find}
        value={wanted}
        onInput={(event) => onWant(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") goOn(found);
          if (event.key === "Escape") onWant("");
        }}
      />
      {wanted !== "" && (
        <span class="quiet" role="status">
          {words.found(found.length)}
        </span>
      )}
    </div>
  );
}

/** Chooses the layer after the one that is chosen, among those that were found. */
function goOn(found: readonly Planned[]): void {
  const at = found.findIndex((node) => node.address === state.value.layer);
  const next = found[at + 1] ?? found[0];
  if (next !== undefined) change({ layer: next.address, unit: null });
}

/** The layers whose name or type has a text in it, in any case. */
export function matching(rows: readonly Planned[], wanted: string): Planned[] {
  const text = wanted.trim().toLowerCase();
  return rows.filter(({ address, type }) => `${address} ${type}`.toLowerCase().includes(text));
}
