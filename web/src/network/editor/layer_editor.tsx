import "./layer_editor.css";
import type { ProblemItem } from "layerscope";
import { useState } from "preact/hooks";
import { bytes, count as counted, shape } from "../../text/figures.ts";
import { text } from "../../text/text.ts";
import { Button } from "../../ui/button.tsx";
import type { NetworkJson } from "../address.ts";
import type { LayerPlan } from "../network.ts";
import { duplicate, type Layer, move, type Place, remove } from "./document.ts";
import { edit } from "./history.ts";
import { LayerEditors } from "./layer_editors.tsx";
import { LayerFields } from "./layer_fields.tsx";
import { fieldOf, problemsAt } from "./problems.ts";

interface Props {
  readonly document: NetworkJson;
  readonly layer: Layer;
  readonly place: Place;
  /** How many layers its list has. */
  readonly count: number;
  /** What the plan says of it, where it is known. */
  readonly row: LayerPlan | undefined;
  readonly problems: readonly ProblemItem[];
  readonly onDrag: (isDragged: boolean) => void;
}

/** One layer: its type and what it costs; opened, its arguments. */
export function LayerEditor({ document, layer, place, count, row, problems, onDrag }: Props) {
  const [isOpen, setOpen] = useState(false);
  const words = text.value.network;
  const own = problemsAt(problems, place);
  const whole = own.filter(({ pointer }) => fieldOf(pointer) === "" || fieldOf(pointer) === "type");
  const at = place.at(-1) ?? 0;
  const isBlock = Array.isArray(layer["layers"]);
  const name = String(layer["name"] ?? row?.address.replace(/[/@#:].*$/s, "") ?? layer["type"]);
  const act = (next: NetworkJson) => edit(next, "");
  return (
    <div class={`layer-editor${own.length > 0 ? " is-wrong" : ""}`}>
      <div class="layer-editor-head">
        <span
          class="layer-handle"
          draggable
          aria-hidden="true"
          onDragStart={(event) => {
            event.dataTransfer?.setData("text/plain", name);
            onDrag(true);
          }}
          onDragEnd={() => onDrag(false)}
        >
          ⠿
        </span>
        <button
          type="button"
          class="layer-editor-name"
          aria-expanded={isOpen || own.length > 0}
          onClick={() => setOpen(!isOpen)}
        >
          <span>{name}</span>
          <span class="quiet">{row ? shape(row.shape) : String(layer["type"])}</span>
        </button>
      </div>
      {whole.map((problem) => (
        <p key={problem.message} class="field-problem" role="alert">
          {problem.message} {problem.suggestion && <strong>{problem.suggestion}</strong>}
        </p>
      ))}
      {(isOpen || own.length > 0) && (
        <div class="layer-editor-inside">
          <div class="layer-editor-tools">
            <Button
              look="quiet"
              label={words.up(name)}
              isDisabled={at === 0}
              onClick={() => act(move(document, place, at - 1))}
            >
              ↑
            </Button>
            <Button
              look="quiet"
              label={words.down(name)}
              isDisabled={at === count - 1}
              onClick={() => act(move(document, place, at + 1))}
            >
              ↓
            </Button>
            <Button look="quiet" label={words.duplicate(name)} onClick={() => act(duplicate(document, place))}>
              {words.duplicateShort}
            </Button>
            <Button look="quiet" label={words.remove(name)} onClick={() => act(remove(document, place))}>
              {words.removeShort}
            </Button>
          </div>
          {row && <Figures row={row} />}
          {isBlock ? (
            <LayerEditors {...{ document, problems }} block={place} address={row?.address ?? ""} />
          ) : (
            <LayerFields {...{ document, place, layer }} problems={own} />
          )}
        </div>
      )}
    </div>
  );
}

/** What a layer costs and how far it sees. */
function Figures({ row }: { readonly row: LayerPlan }) {
  const words = text.value.network;
  const field = row.receptive_field;
  const parts = [
    row.type,
    `${counted(row.parameters)} ${words.parameters}`,
    bytes(row.bytes),
    `${counted(row.macs)} ${words.macs}`,
    field && `${words.receptiveField} ${field.size.join(" × ")}`,
  ];
  return <p class="layer-editor-figures quiet">{parts.filter(Boolean).join(" · ")}</p>;
}
