import type { DiagnosisReply } from "layerscope";
import { text } from "../text/text.ts";
import { FindingItem } from "./finding_item.tsx";
import { found, grouped, keyOf } from "./findings.ts";
import { Rest } from "./rest.tsx";

/** What was found, the most severe first; below, folded, what is clear and what needs more items. */
export function Findings({ reply }: { readonly reply: DiagnosisReply }) {
  const words = text.value.diagnose;
  const all = found(reply.findings);
  const unjudged = grouped(reply.findings, "not_enough_items").size;
  return (
    <>
      <div role="status">
        <h3>{all.length === 0 ? words.nothing : words.found(all.length)}</h3>
        {unjudged > 0 && <p>{words.unjudged(unjudged)}</p>}
      </div>
      <ol aria-label={words.findings}>
        {all.map((one) => (
          <FindingItem key={keyOf(one)} finding={one} />
        ))}
      </ol>
      <Rest findings={reply.findings} status="not_enough_items" />
      <Rest findings={reply.findings} status="clear" />
    </>
  );
}
