import { LayerscopeError } from "layerscope";
import { text } from "../text/text.ts";
import { Notice } from "./notice.tsx";

/** Fields of requests that the page fills in by itself: advice on them is none for its reader. */
const OWN = /^\/layers\b/;

/** What the service refused, for a reader who wrote no request: without the fields of one. */
export function Refusal({ error }: { readonly error: Error }) {
  return (
    <Notice kind="wrong" title={text.value.app.failed}>
      {linesOf(error).map((line) => (
        <p key={line}>{line}</p>
      ))}
    </Notice>
  );
}

/** A sentence for each problem: what is wrong, what fits, and what to try. */
export function linesOf(error: Error): string[] {
  if (!(error instanceof LayerscopeError)) return [error.message];
  if (error.problems.length === 0) return [error.detail || error.title];
  return error.problems.map(({ pointer, message, expected, received, suggestion }) => {
    const words = text.value.app;
    const figures = [expected && `${words.expected}: ${expected}`, received && `${words.received}: ${received}`];
    const told = [message, ...figures, OWN.test(pointer) ? null : suggestion];
    return told.filter(Boolean).join(" · ");
  });
}
