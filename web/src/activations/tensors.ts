/** The tensors of a run: whole where they are small, else the parts that are in view, asked for together. */

import { type Signal, signal } from "@preact/signals";
import type { Tensor, TypedArray } from "layerscope";
import { CHUNK, chunkKey, type Part, partOf, type Wanted } from "./chunks.ts";
import { kindOf, stepOf } from "./kind.ts";

/** Values of one map: the pixel of row y and column x is `data[first + y * rowStride + x * stride]`. */
export interface MapView {
  readonly data: TypedArray;
  readonly first: number;
  readonly rowStride: number;
  readonly stride: number;
  readonly height: number;
  readonly width: number;
  /** Every how many pixels one is here. */
  readonly step: number;
}

/** What is asked of the service at once: addresses, and a slice for each. */
export interface Views {
  readonly layers: string[];
  readonly slice: Record<string, string>;
  readonly signal: AbortSignal;
}

type Fetching = (views: Views) => Promise<{ readonly tensors: ReadonlyMap<string, Tensor> }>;
const PAUSE_MS = 30;
/** The service takes at most 64 views in a request. */
const MOST_VIEWS = 60;
const REQUEST_BYTES = 16 * 2 ** 20;
const KEPT_BYTES = 256 * 2 ** 20;

export class Tensors {
  readonly #fetching: Fetching | null;
  readonly #failed: (error: unknown) => void;
  readonly #whole = new Map<string, Tensor>();
  readonly #chunks = new Map<string, Tensor>();
  readonly #wanted = new Map<string, Wanted>();
  readonly #versions = new Map<string, Signal<number>>();
  readonly #ending = new AbortController();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isBusy = false;

  constructor(fetching: Fetching | null, failed: (error: unknown) => void = () => {}) {
    this.#fetching = fetching;
    this.#failed = failed;
  }

  /** Those of a reply that has all of them. */
  static whole(tensors: ReadonlyMap<string, Tensor>): Tensors {
    const made = new Tensors(null);
    for (const [address, tensor] of tensors) made.#whole.set(address, tensor);
    return made;
  }

  /** Whether all values are here, each pixel of each map. */
  get isWhole(): boolean {
    return this.#fetching === null;
  }

  /** Asks for the maps from one number up to another, instead of what was asked of this address before. */
  want(address: string, shape: readonly number[], from: number, to: number): void {
    if (this.#fetching === null) return;
    this.#wanted.set(address, { shape, from, to });
    this.#schedule();
  }

  /** Asks for nothing of an address any more: it is out of view. */
  forget(address: string): void {
    this.#wanted.delete(address);
  }

  /** Gives up what is under way. */
  end(): void {
    this.#ending.abort();
    this.#wanted.clear();
  }

  /** A map of the first item; undefined while it is not here. Whoever reads it is told when it comes. */
  map(address: string, shape: readonly number[], unit: number): MapView | undefined {
    this.#version(address).value;
    const kind = kindOf(shape);
    if (kind.kind !== "maps") return undefined;
    const { depth, height, width } = kind;
    const [channel, plane] = [Math.floor(unit / depth), unit % depth];
    const whole = this.#whole.get(address);
    if (whole !== undefined) {
      const channels = kind.count / depth;
      const first = plane * height * width * channels + channel;
      return { data: whole.data, first, rowStride: width * channels, stride: channels, height, width, step: 1 };
    }
    const chunk = this.#chunks.get(chunkKey(address, Math.floor(channel / CHUNK)));
    const [rows, columns, channels] = chunk?.shape.slice(-3) ?? [];
    if (chunk === undefined || rows === undefined || columns === undefined || channels === undefined) return undefined;
    const first = plane * rows * columns * channels + (channel % CHUNK);
    const strides = { rowStride: columns * channels, stride: channels };
    return { data: chunk.data, first, ...strides, height: rows, width: columns, step: stepOf(height, width) };
  }

  /** All values of the first item; undefined while they are not here. */
  values(address: string, shape: readonly number[]): TypedArray | undefined {
    this.#version(address).value;
    const data = (this.#whole.get(address) ?? this.#chunks.get(chunkKey(address, 0)))?.data;
    return data?.subarray(
      0,
      shape.slice(1).reduce((product, size) => product * size, 1),
    );
  }

  #version(address: string): Signal<number> {
    const known = this.#versions.get(address) ?? signal(0);
    this.#versions.set(address, known);
    return known;
  }

  #schedule(): void {
    if (this.#isBusy || this.#timer !== null || this.#ending.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#fetchMissing();
    }, PAUSE_MS);
  }

  async #fetchMissing(): Promise<void> {
    const asked = this.#missing();
    if (asked.length === 0 || this.#fetching === null) return;
    this.#isBusy = true;
    try {
      const slice = Object.fromEntries(asked.map((part) => [part.address, part.slice]));
      const views = { layers: asked.map((part) => part.address), slice, signal: this.#ending.signal };
      const { tensors } = await this.#fetching(views);
      for (const part of asked) this.#keep(part, tensors.get(part.address));
      this.#isBusy = false;
      this.#schedule();
    } catch (error) {
      this.#isBusy = false;
      if (!this.#ending.signal.aborted) this.#failed(error);
    }
  }

  /** The first parts that are wanted and not here, as many as fit into one request. */
  #missing(): Part[] {
    const parts: Part[] = [];
    let bytes = 0;
    for (const [address, wanted] of this.#wanted) {
      const part = partOf(address, wanted, (chunk) => this.#chunks.has(chunkKey(address, chunk)));
      if (part === undefined) continue;
      bytes += part.bytes;
      if (parts.length > 0 && (bytes > REQUEST_BYTES || parts.length === MOST_VIEWS)) break;
      parts.push(part);
    }
    return parts;
  }

  #keep({ address, chunk }: Part, tensor: Tensor | undefined): void {
    if (tensor === undefined) return;
    this.#chunks.set(chunkKey(address, chunk), tensor);
    let kept = 0;
    for (const { data } of this.#chunks.values()) kept += data.byteLength;
    for (const [key, { data }] of this.#chunks) {
      if (kept <= KEPT_BYTES) break;
      this.#chunks.delete(key);
      kept -= data.byteLength;
    }
    this.#version(address).value += 1;
  }
}
