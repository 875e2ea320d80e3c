/** What an edit is called. */

import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { type Edit, operationOf } from "./edit.ts";

const LISTED = 4;

/** The layer, which channels of it, and what becomes of them: `conv2d: map 0, 3 off`. */
export function wordsOf(edit: Edit): string {
  const words = text.value.edits;
  const { channels } = edit;
  const place = channels === undefined ? words.whole : words.channels(listed(channels), channels.length);
  return `${edit.at} · ${place} ${done(edit)}`;
}

function done(edit: Edit): string {
  const words = text.value.edits;
  const operation = operationOf(edit) ?? "";
  const value = edit[operation];
  const written = typeof value === "number" ? figure(value) : JSON.stringify(value);
  return words.done[operation]?.(written) ?? `${operation} ${written}`;
}

function listed(channels: readonly number[]): string {
  const first = channels.slice(0, LISTED).join(", ");
  return channels.length > LISTED ? `${first} …` : first;
}
