/** A request as a command of curl for a POSIX shell. */

import type { Request } from "./request.ts";

export function curl({ url, hasKey, body }: Request): string {
  const head = [
    "curl -sS --fail-with-body",
    quoted(url),
    ...(hasKey ? ['-H "Authorization: Bearer $LAYERSCOPE_KEY"'] : []),
  ];
  if (body.kind === "json") {
    const lines = [...head, "-H 'Content-Type: application/json'", "--data-binary @- <<'END'"];
    return `${lines.join(" \\\n  ")}\n${JSON.stringify(body.json)}\nEND\n`;
  }
  const fields = Object.entries(body.fields).map(([name, value]) => `--form-string ${quoted(`${name}=${value}`)}`);
  const files = Object.entries(body.files).map(([name, file]) => `-F ${quoted(`${name}=@"${file}"`)}`);
  return `${[...head, ...fields, ...files].join(" \\\n  ")}\n`;
}

/** A word that a shell takes as it stands. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
