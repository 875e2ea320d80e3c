import "./edit_form.css";
import "../ui/control.css";
import { useState } from "preact/hooks";
import { type LayerRow, rows } from "../activations/run.ts";
import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Select } from "../ui/select.tsx";
import { ChannelStrip } from "./channel_strip.tsx";
import { channelOf, edited, MOST, OPERATIONS, type Operation } from "./edit.ts";

const SCOPES = ["channel", "layer"] as const;

/** Changes the layer that is looked at: channels are switched off by a click, or get another operation. */
export function EditForm() {
  const words = text.value.edits;
  const row = rows.value.get(state.value.layer ?? "");
  if (row === undefined) return <p class="quiet">{words.choose}</p>;
  return (
    <>
      <h3>{words.form(row.address)}</h3>
      <ChannelStrip row={row} />
      <OperationForm row={row} />
    </>
  );
}

function OperationForm({ row }: { readonly row: LayerRow }) {
  const words = text.value.edits;
  const [operation, setOperation] = useState<Operation>("scale");
  const [written, setWritten] = useState("0.5");
  const [scope, setScope] = useState<(typeof SCOPES)[number]>("channel");
  const { unit, edits } = state.value;
  const scopes = unit === null ? (["layer"] as const) : SCOPES;
  const of = unit === null ? "layer" : scope;
  const value = written.trim() === "" ? Number.NaN : Number(written);
  const isWrong = operation !== "zero" && !Number.isFinite(value);
  const apply = () => {
    const channels = of === "layer" || unit === null ? null : [channelOf(row.shape, unit)];
    change({ edits: [...edits, edited(row.address, channels, operation, value)] });
  };
  return (
    <div class="edit-form">
      <Select label={words.scope} isBare names={scopes} words={words.scopes} chosen={of} onChoose={setScope} />
      <Select
        label={words.operation}
        isBare
        names={OPERATIONS}
        words={words.operations}
        chosen={operation}
        onChoose={setOperation}
      />
      {operation !== "zero" && (
        <input
          class="control"
          aria-label={words.value}
          inputMode="decimal"
          aria-invalid={isWrong}
          value={written}
          onInput={(event) => setWritten(event.currentTarget.value)}
        />
      )}
      <Button isDisabled={isWrong || edits.length >= MOST} onClick={apply}>
        {words.apply}
      </Button>
    </div>
  );
}
