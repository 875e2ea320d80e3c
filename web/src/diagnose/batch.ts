/** Many items for a diagnosis, of any inputs: a few findings need thirty. */

import type { Input, OneInput } from "layerscope";
import { type InputSpec, sample, takesPictures } from "../input/samples.ts";
import { shifts } from "./shifts.ts";

/** As many as every rule of a diagnosis needs, and some more. */
export const SAMPLES = 40;
const DIGITS = 10;

type Specs = Readonly<Record<string, InputSpec>>;

/** As many items for each input: digits in several places where it takes pictures, else numbers drawn at random. */
export async function samples(specs: Specs, count: number): Promise<Input> {
  const pairs = Object.entries(specs).map(async ([name, spec], place) => {
    return [name, await many(spec, place, count)] as const;
  });
  const made = await Promise.all(pairs);
  const only = made.length === 1 ? made[0]?.[1] : undefined;
  return only ?? Object.fromEntries(made);
}

/** Files for the only input, or for the first of several: the service says what is missing. */
export function ofFiles(files: readonly File[], specs: Specs): Input {
  const one: OneInput = files.length === 1 && files[0] !== undefined ? files[0] : files;
  const names = Object.keys(specs);
  return names.length > 1 ? { [names[0] as string]: one } : one;
}

async function many(spec: InputSpec, place: number, count: number): Promise<OneInput> {
  if (takesPictures(spec)) {
    return Promise.all(shifts(count, DIGITS).map(({ digit, x, y }) => shifted(digit + place, spec, x, y)));
  }
  const { shape, data } = (await sample("zeros", spec)) as { shape: number[]; data: Float32Array | Int32Array };
  const length = count * data.length;
  const all = [count, ...shape.slice(1)];
  const random = uniform(1 + place);
  if (data instanceof Int32Array) {
    return { shape: all, data: Int32Array.from({ length }, () => Math.floor(random() * SMALL_IDS)) };
  }
  return { shape: all, data: Float32Array.from({ length }, () => gaussian(random)) };
}

/** Ids that embeddings of any size have. */
const SMALL_IDS = 8;

/** A digit moved by some pixels, as a PNG. */
async function shifted(digit: number, spec: InputSpec, x: number, y: number): Promise<Blob> {
  const picture = await createImageBitmap((await sample(`digit-${digit % DIGITS}`, spec)) as Blob);
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser draws no pictures in memory");
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(picture, x, y);
  return canvas.convertToBlob();
}

/** Numbers from 0 to 1, the same each time. Source: mulberry32 (Tommy Ettinger, public domain). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Of mean 0 and deviation 1. Source: Box and Muller, 1958. */
function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
