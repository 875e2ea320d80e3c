import { shape } from "../../text/figures.ts";
import type { LayerPlan } from "../network.ts";
import type { Layer } from "./document.ts";

interface Props {
  readonly layer: Layer;
  readonly name: string;
  readonly row: LayerPlan | undefined;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
  readonly onDrag: (isDragged: boolean) => void;
}

/** The line of a layer in the editor: a handle to drag it by, its name, its shape. */
export function LayerHead({ layer, name, row, isOpen, onToggle, onDrag }: Props) {
  return (
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
      <button type="button" class="layer-editor-name" aria-expanded={isOpen} onClick={onToggle}>
        <span>{name}</span>
        <span class="quiet">{row ? shape(row.shape) : String(layer["type"])}</span>
      </button>
    </div>
  );
}
