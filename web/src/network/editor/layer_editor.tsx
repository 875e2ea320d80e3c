import "./layer_editor.css";
import type { ProblemItem } from "layerscope";
import { useState } from "preact/hooks";
import type { NetworkJson } from "../address.ts";
import type { LayerPlan } from "../network.ts";
import type { Layer, Place } from "./document.ts";
import { LayerEditors } from "./layer_editors.tsx";
import { LayerFields } from "./layer_fields.tsx";
import { LayerFigures } from "./layer_figures.tsx";
import { LayerHead } from "./layer_head.tsx";
import { LayerTools } from "./layer_tools.tsx";
import { fieldOf, problemsAt } from "./problems.ts";

/** Fields whose problems are the whole layer's. */
const WHOLE = new Set(["", "type"]);

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

/** One layer: its type and what it costs; opened, or where something is wrong with it, its arguments. */
export function LayerEditor({ document, layer, place, count, row, problems, onDrag }: Props) {
  const [isOpened, setOpened] = useState(false);
  const own = problemsAt(problems, place);
  const whole = own.filter(({ pointer }) => WHOLE.has(fieldOf(pointer)));
  const isOpen = isOpened || own.length > 0;
  const name = String(layer["name"] ?? row?.address.replace(/[/@#:].*$/s, "") ?? layer["type"]);
  return (
    <div class={`layer-editor${own.length > 0 ? " is-wrong" : ""}`}>
      <LayerHead {...{ layer, name, row, isOpen, onDrag }} onToggle={() => setOpened(!isOpened)} />
      {whole.map((problem) => (
        <p key={problem.message} class="field-problem" role="alert">
          {problem.message} {problem.suggestion && <strong>{problem.suggestion}</strong>}
        </p>
      ))}
      {isOpen && (
        <div class="layer-editor-inside">
          <LayerTools {...{ document, place, name, count }} />
          {row && <LayerFigures row={row} />}
          {Array.isArray(layer["layers"]) ? (
            <LayerEditors {...{ document, problems }} block={place} address={row?.address ?? ""} />
          ) : (
            <LayerFields {...{ document, place, layer }} problems={own} />
          )}
        </div>
      )}
    </div>
  );
}
