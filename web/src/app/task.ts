/** One piece of work at a time: a new one ends the one before. */

import { type Signal, signal } from "@preact/signals";

export interface Task<Value> {
  /** What the last work that ended well gave. */
  readonly value: Signal<Value | null>;
  /** Why the last work failed; null while it did not. */
  readonly error: Signal<Error | null>;
  /** Since when work goes on, in milliseconds since 1970; null when none does. */
  readonly since: Signal<number | null>;
  /** Starts work and ends what goes on. */
  start(work: (signal: AbortSignal) => Promise<Value>): Promise<void>;
  /** Ends what goes on, and keeps the last value. */
  cancel(): void;
}

/** `noteFailure` hears of every error, but not of work that was ended. */
export function task<Value>(noteFailure: (error: unknown) => void): Task<Value> {
  const value = signal<Value | null>(null);
  const error = signal<Error | null>(null);
  const since = signal<number | null>(null);
  let going: AbortController | null = null;
  const cancel = () => {
    going?.abort();
    going = null;
    since.value = null;
  };
  const start = async (work: (signal: AbortSignal) => Promise<Value>) => {
    going?.abort();
    const mine = new AbortController();
    going = mine;
    since.value = Date.now();
    try {
      const result = await work(mine.signal);
      if (going !== mine) return;
      value.value = result;
      error.value = null;
    } catch (failure) {
      if (going !== mine) return;
      error.value = failure instanceof Error ? failure : new Error(String(failure));
      noteFailure(failure);
    }
    going = null;
    since.value = null;
  };
  return { value, error, since, start, cancel };
}
