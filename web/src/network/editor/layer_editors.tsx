import "./layer_editors.css";
import type { ProblemItem } from "layerscope";
import { useRef, useState } from "preact/hooks";
import type { NetworkJson } from "../address.ts";
import { network } from "../network.ts";
import { AddLayer } from "./add_layer.tsx";
import { layersAt, move, type Place } from "./document.ts";
import { edit } from "./history.ts";
import { LayerEditor } from "./layer_editor.tsx";
import { keyed, NONE } from "./layer_keys.ts";
import { rowsInside, rowsOfLayers } from "./layer_rows.ts";

interface Props {
  readonly document: NetworkJson;
  /** The place of the block whose layers these are; empty for the document's. */
  readonly block: Place;
  /** The address of the block; empty for the document. */
  readonly address: string;
  readonly problems: readonly ProblemItem[];
}

/** The layers of a document or block, one below the other; they may be dragged to another place in the list. */
export function LayerEditors({ document, block, address, problems }: Props) {
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const layers = layersAt(document, block);
  const list = useRef(NONE);
  list.current = keyed(list.current, layers);
  const planned = network.error.value === null ? (network.value.value?.plan.layers ?? []) : [];
  const rows = rowsOfLayers(layers, rowsInside(planned, address));
  const drop = (to: number) => {
    if (dragged !== null && dragged !== to) edit(move(document, [...block, dragged], to), "");
    setDragged(null);
    setOver(null);
  };
  return (
    <>
      <ol class="layer-editors">
        {layers.map((layer, at) => (
          <li
            key={list.current.keys[at]}
            class={over === at && dragged !== null ? (dragged < at ? "is-before" : "is-after") : undefined}
            onDragOver={(event) => {
              if (dragged === null) return;
              event.preventDefault();
              setOver(at);
            }}
            onDrop={(event) => {
              event.preventDefault();
              event.stopPropagation();
              drop(at);
            }}
          >
            <LayerEditor
              {...{ document, layer, problems }}
              place={[...block, at]}
              count={layers.length}
              row={rows[at]}
              onDrag={(isDragged) => setDragged(isDragged ? at : null)}
            />
          </li>
        ))}
      </ol>
      <AddLayer document={document} place={[...block, layers.length]} />
    </>
  );
}
