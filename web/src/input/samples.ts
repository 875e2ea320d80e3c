/** Inputs that the page has or makes, for an input of any shape. */

import type { OneInput } from "layerscope";
import { count } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { chart } from "./chart.ts";
import digitsUrl from "./digits.png";

/** What a network declares of an input: its shape with the batch, null where it is free. */
export interface InputSpec {
  readonly shape: readonly (number | null)[];
  readonly dtype: string;
}

const DIGITS = 10;
const DIGIT_SIZE = 28;
const FREE_SIZE = 64;
const IMAGE_CHANNELS = new Set([1, 3, 4]);
const SMALL_IDS = 99;
/** Of a sample that is made here; larger ones would fill the memory of the page. */
const MOST_VALUES = 2 ** 26;

/** Whether an input takes pictures: height, width, and 1, 3 or 4 channels. */
export function takesPictures({ shape, dtype }: InputSpec): boolean {
  return shape.length === 4 && (shape[3] === null || IMAGE_CHANNELS.has(shape[3] ?? 0)) && !dtype.startsWith("bool");
}

/** Whether an input looks like one of digits: small and grey. */
export function takesDigits(spec: InputSpec): boolean {
  const [, height, width, channels] = spec.shape;
  return takesPictures(spec) && channels === 1 && (height ?? DIGIT_SIZE) <= 64 && (width ?? DIGIT_SIZE) <= 64;
}

/** The names of samples that fit an input, the first by default. */
export function sampleNames(spec: InputSpec): readonly string[] {
  const digits = Array.from({ length: DIGITS }, (_, digit) => `digit-${digit}`);
  if (takesDigits(spec)) return [...digits, "chart"];
  if (takesPictures(spec)) return ["chart", ...digits];
  if (/^u?int/.test(spec.dtype)) return ["tokens", "zeros"];
  return spec.shape.length === 3 ? ["wave", "noise", "zeros"] : ["noise", "wave", "zeros"];
}

/** The sample that an input gets where nothing is chosen; further inputs of digits get another digit. */
export function defaultSample(spec: InputSpec, place: number): string {
  return takesDigits(spec) ? `digit-${(5 + 2 * place) % DIGITS}` : (sampleNames(spec)[0] ?? "zeros");
}

/** The input that a sample's name stands for. */
export async function sample(name: string, spec: InputSpec): Promise<OneInput> {
  if (name.startsWith("digit-")) return digit(Number(name.slice(-1)));
  const shape = spec.shape.map((size, axis) => (axis === 0 ? 1 : (size ?? (axis === 3 ? 3 : FREE_SIZE))));
  const length = shape.reduce((product, size) => product * size, 1);
  if (length > MOST_VALUES) throw new RangeError(text.value.input.tooLargeForSample(count(length)));
  if (name === "chart") return chart(shape[1] ?? FREE_SIZE, shape[2] ?? FREE_SIZE);
  if (/^(int|uint|bool)/.test(spec.dtype)) {
    return { shape, data: Int32Array.from({ length }, (_, at) => (name === "tokens" ? id(at) : 0)) };
  }
  return { shape, data: Float32Array.from({ length }, (_, at) => VALUES[name]?.(at, length) ?? 0) };
}

const VALUES: Readonly<Record<string, (at: number, length: number) => number>> = {
  /** Two tones and a step. */
  wave: (at, length) =>
    Math.sin((at / length) * 12 * Math.PI) + 0.4 * Math.sin((at / length) * 70 * Math.PI) + (2 * at > length ? 0.5 : 0),
  noise: (at) => gaussian(at),
};

function id(at: number): number {
  return 1 + Math.floor(hashed(at + 1) * SMALL_IDS);
}

/** The same numbers on every machine: a sum of four hashed uniforms, of mean 0 and deviation 1. */
function gaussian(at: number): number {
  let sum = 0;
  for (let part = 1; part <= 4; part += 1) sum += hashed(4 * at + part);
  return (sum - 2) * Math.sqrt(3);
}

/** Between 0 and 1. Source: the finaliser of MurmurHash3 (Austin Appleby). */
function hashed(seed: number): number {
  let bits = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
}

let sprite: Promise<ImageBitmap> | undefined;

/** All digits side by side. */
export function digitSprite(): Promise<ImageBitmap> {
  sprite ??= fetch(digitsUrl)
    .then((reply) => reply.blob())
    .then((blob) => createImageBitmap(blob));
  return sprite;
}

async function digit(number: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(DIGIT_SIZE, DIGIT_SIZE);
  canvas.getContext("2d")?.drawImage(await digitSprite(), -DIGIT_SIZE * number, 0);
  return canvas.convertToBlob();
}
