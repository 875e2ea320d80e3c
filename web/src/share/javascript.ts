/** A request in JavaScript: a module of Node, or a browser's console. */

import type { Request } from "./request.ts";

export function javascript({ url, hasKey, body }: Request): string {
  const key = hasKey ? 'Authorization: "Bearer " + process.env.LAYERSCOPE_KEY' : "";
  const [before, headers, sent] =
    body.kind === "json"
      ? [[], ['"Content-Type": "application/json"', key], `JSON.stringify(${JSON.stringify(body.json)})`]
      : [formLines(body.fields, body.files), [key], "form"];
  const given = headers.filter((header) => header !== "");
  return [
    ...before,
    `const reply = await fetch(${JSON.stringify(url)}, {`,
    '  method: "POST",',
    ...(given.length > 0 ? [`  headers: { ${given.join(", ")} },`] : []),
    `  body: ${sent},`,
    "});",
    "if (!reply.ok) throw new Error(await reply.text());",
    "console.log(await reply.json());",
    "",
  ].join("\n");
}

/** Files are read as Node reads them; a console has none. */
function formLines(fields: Readonly<Record<string, string>>, files: Readonly<Record<string, string>>): string[] {
  return [
    'import { openAsBlob } from "node:fs";',
    "",
    "const form = new FormData();",
    ...Object.entries(fields).map(([name, value]) => `form.append(${JSON.stringify(name)}, ${JSON.stringify(value)});`),
    ...Object.entries(files).map(([name, file]) => {
      return `form.append(${JSON.stringify(name)}, await openAsBlob(${JSON.stringify(file)}), ${JSON.stringify(file)});`;
    }),
  ];
}
