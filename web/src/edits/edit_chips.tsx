import "./edit_chips.css";
import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { type Edit, without } from "./edit.ts";
import { wordsOf } from "./words.ts";

/** The edits of the run that is shown, each of which can be taken back; nothing where there is none. */
export function EditChips() {
  const { edits } = state.value;
  const words = text.value.edits;
  if (edits.length === 0) return null;
  return (
    <div class="edit-chips">
      <span class="quiet" id="edit-chips">
        {words.title}
      </span>
      <ul aria-labelledby="edit-chips">
        {edits.map((edit, place) => (
          <Chip key={JSON.stringify(edit)} edit={edit} onRemove={() => change({ edits: without(edits, place) })} />
        ))}
      </ul>
      {edits.length > 1 && (
        <Button look="quiet" onClick={() => change({ edits: [] })}>
          {words.removeAll}
        </Button>
      )}
    </div>
  );
}

function Chip({ edit, onRemove }: { readonly edit: Edit; readonly onRemove: () => void }) {
  const written = wordsOf(edit);
  return (
    <li class="edit-chip">
      <span title={written}>{written}</span>
      <Button look="quiet" label={text.value.edits.remove(written)} onClick={onRemove}>
        ×
      </Button>
    </li>
  );
}
