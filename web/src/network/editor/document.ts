/** Changes of a document's layers. A place names a layer by its numbers in nested lists: [2, 0] is the first in block 2. */

import { isObject, type NetworkJson } from "../address.ts";

export type Layer = NetworkJson;
export type Place = readonly number[];

/** The layers of a document, or of the block at a place. */
export function layersAt(document: NetworkJson, block: Place = []): readonly Layer[] {
  const [first, ...rest] = block;
  const layers = Array.isArray(document["layers"]) ? document["layers"].filter(isObject) : [];
  if (first === undefined) return layers;
  const inside = layers[first];
  return inside === undefined ? [] : layersAt(inside, rest);
}

/** Whether a document lists its layers, as the editor needs it; others name a network, or are Keras' own JSON. */
export function hasLayers(document: NetworkJson): boolean {
  return Array.isArray(document["layers"]) && document["layers"].every((layer) => isObject(layer) && "type" in layer);
}

/** Whether a document is one without layers, as when the last was removed: there is nothing to run yet. */
export function isEmpty(document: NetworkJson): boolean {
  return hasLayers(document) && layersAt(document).length === 0;
}

export function layerAt(document: NetworkJson, place: Place): Layer | undefined {
  return layersAt(document, place.slice(0, -1))[place.at(-1) ?? 0];
}

/** Puts a layer before the one at a place; at the end where there is none. */
export function insert(document: NetworkJson, place: Place, layer: Layer): NetworkJson {
  return withLayers(document, place, (layers, at) => layers.toSpliced(at, 0, layer));
}

export function remove(document: NetworkJson, place: Place): NetworkJson {
  return withLayers(document, place, (layers, at) => layers.toSpliced(at, 1));
}

/** A copy right after the layer: without its name, which only one may have. */
export function duplicate(document: NetworkJson, place: Place): NetworkJson {
  return withLayers(document, place, (layers, at) => {
    const { name: _, ...copy } = layers[at] ?? {};
    return layers.toSpliced(at + 1, 0, copy);
  });
}

/** Moves a layer within its list. */
export function move(document: NetworkJson, place: Place, to: number): NetworkJson {
  return withLayers(document, place, (layers, at) => {
    const layer = layers[at];
    return layer === undefined ? layers : layers.toSpliced(at, 1).toSpliced(to, 0, layer);
  });
}

/** Sets an argument of a layer; undefined leaves it out. */
export function setArgument(document: NetworkJson, place: Place, name: string, value: unknown): NetworkJson {
  return withLayers(document, place, (layers, at) => layers.with(at, withField(layers[at] ?? {}, name, value)));
}

/** Sets a field of an object, in its place; undefined leaves it out. */
export function withField(object: NetworkJson, name: string, value: unknown): NetworkJson {
  if (value !== undefined) return { ...object, [name]: value };
  const { [name]: _, ...rest } = object;
  return rest;
}

type Change = (layers: readonly Layer[], at: number) => readonly Layer[];

function withLayers(document: NetworkJson, place: Place, change: Change): NetworkJson {
  const [first = 0, ...rest] = place;
  const layers = layersAt(document);
  if (rest.length === 0) return { ...document, layers: change(layers, first) };
  return { ...document, layers: layers.with(first, withLayers(layers[first] ?? {}, rest, change)) };
}
