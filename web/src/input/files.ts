/** Turns files into inputs. */

import { type InputSource, MAX_CHARACTERS } from "./address.ts";

const BASE64_PER_BYTE = 4 / 3;

/** A small picture goes into the address; anything else is a file of this page alone. */
export async function sourceOf(file: File | Blob, name: string): Promise<InputSource> {
  if (file.type.startsWith("image/") && file.size * BASE64_PER_BYTE < MAX_CHARACTERS - KIND) {
    return { kind: "picture", base64: base64(new Uint8Array(await file.arrayBuffer())) };
  }
  return { kind: "file", name, content: file };
}

/** Room for what says in an address that this is a picture. */
const KIND = 8;

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
