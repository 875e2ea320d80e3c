/** Values of arguments as people write them: `3`, `3, 3`, `same`, or JSON. */

/** A value as text; nothing for one that is left out. */
export function written(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((item) => typeof item === "number" || item === null)) {
    return value.map((item) => String(item)).join(", ");
  }
  return JSON.stringify(value);
}

/** The value that a text stands for; undefined, so that it is left out, for an empty one. */
export function read(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const isList = trimmed.includes(",") && !/^[[{"]/.test(trimmed);
  return json(isList ? `[${trimmed.replace(/,$/, "")}]` : trimmed, trimmed);
}

function json(text: string, otherwise: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}
