/** Replies of JSON lines. */

import { errorOf } from "./error_classes.ts";
import type { ProblemDocument } from "./types.ts";

/**
 * The lines of a response, each parsed when it has come. Leaving the loop ends the request.
 *
 * @throws LayerscopeError where the service breaks the reply off, TypeError where the connection does.
 */
export async function* linesOf(response: Response): AsyncGenerator<unknown, void, undefined> {
  const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield parsed(line);
      if (done) break;
    }
    if (rest !== "") yield parsed(rest);
  } finally {
    await reader.cancel();
  }
}

function parsed(line: string): unknown {
  const value = JSON.parse(line) as { error?: ProblemDocument };
  if (value.error !== undefined) {
    throw errorOf(value.error);
  }
  return value;
}
