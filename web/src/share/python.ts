/** A request in Python, with httpx. */

import type { Json, Request } from "./request.ts";

export const KEY_HEADER = 'headers={"Authorization": f"Bearer {os.environ[\'LAYERSCOPE_KEY\']}"}';

export function python({ url, hasKey, body }: Request): string {
  const headers = hasKey ? `, ${KEY_HEADER}` : "";
  const sent =
    body.kind === "json" ? `json=${literal(body.json)}` : `data=${literal(body.fields)}, files=${opened(body.files)}`;
  return [
    ...(hasKey ? ["import os", ""] : []),
    "import httpx",
    "",
    `reply = httpx.post(${literal(url)}, ${sent}${headers}, timeout=600)`,
    "if reply.is_error:",
    "    raise SystemExit(reply.text)",
    "print(reply.json())",
    "",
  ].join("\n");
}

/** A value as Python writes it; strings of JSON are strings of Python. */
export function literal(value: Json): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}: ${literal(one)}`)
    .join(", ")}}`;
}

/** Files as httpx takes them. */
export function opened(files: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(files).map(
    ([name, file]) => `${JSON.stringify(name)}: open(${JSON.stringify(file)}, "rb")`,
  );
  return `{${pairs.join(", ")}}`;
}
