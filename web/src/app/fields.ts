/** Parts of the page's state, and how each stands in the address. */

/** A part of the state that is read from, and written to, the parameters of the address. */
export interface Field<Value> {
  readonly initial: Value;
  /** Whether a change is a step that the browser's "back" undoes. */
  readonly isStep: boolean;
  /** What the address says; the initial value where it says nothing that makes sense. */
  read(params: URLSearchParams): Value;
  /** Writes nothing where the value is the initial one. */
  write(params: URLSearchParams, value: Value): void;
}

/** One of several words. */
export function choice<const Word extends string>(key: string, words: readonly Word[], initial: Word): Field<Word> {
  return {
    initial,
    isStep: false,
    read: (params) => words.find((word) => word === params.get(key)) ?? initial,
    write: (params, value) => {
      if (value !== initial) params.set(key, value);
    },
  };
}

/** Any text, or null for none. */
export function words(key: string, isStep = false): Field<string | null> {
  return {
    initial: null,
    isStep,
    read: (params) => params.get(key),
    write: (params, value) => {
      if (value !== null) params.set(key, value);
    },
  };
}

/** A whole number that is not negative, or null for none. */
export function count(key: string): Field<number | null> {
  return {
    initial: null,
    isStep: false,
    read: (params) => (/^\d{1,9}$/.test(params.get(key) ?? "") ? Number(params.get(key)) : null),
    write: (params, value) => {
      if (value !== null) params.set(key, String(value));
    },
  };
}

/** On or off; off at first. */
export function flag(key: string): Field<boolean> {
  return {
    initial: false,
    isStep: false,
    read: (params) => params.get(key) === "true",
    write: (params, value) => {
      if (value) params.set(key, "true");
    },
  };
}

/** A set of texts, written with commas between them. */
export function names(key: string): Field<readonly string[]> {
  return {
    initial: [],
    isStep: false,
    read: (params) => params.get(key)?.split(",").map(decodeURIComponent) ?? [],
    write: (params, value) => {
      if (value.length > 0) params.set(key, value.map(encodeURIComponent).join(","));
    },
  };
}
