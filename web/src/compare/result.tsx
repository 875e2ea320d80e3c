import "./result.css";
import type { ComparisonReply } from "layerscope";
import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Elapsed } from "../ui/elapsed.tsx";
import { Notice } from "../ui/notice.tsx";
import { Problems } from "../ui/problems.tsx";
import { changed, comparison } from "./comparison.ts";
import { DifferenceList } from "./difference_list.tsx";
import { STATUSES } from "./status.ts";

/** How far apart A and B are. */
export function Result() {
  const words = text.value.compare;
  const { value: found, error, since } = comparison;
  if (changed.value.length === 0) return <p class="quiet">{words.nothing}</p>;
  return (
    <>
      {changed.value.length > 1 && <p class="compare-note">{words.several(changed.value.length)}</p>}
      {error.value !== null && (
        <Notice kind="wrong" title={text.value.app.failed}>
          <Problems error={error.value} />
        </Notice>
      )}
      {since.value !== null && (
        <p class="result-wait quiet" role="status">
          {words.comparing} <Elapsed since={since.value} />
        </p>
      )}
      {found.value !== null && error.value === null && (
        <div class={`result${since.value === null ? "" : " is-stale"}`}>
          <Sum reply={found.value.reply} />
          <DifferenceList comparison={found.value} chosen={state.value.layer} />
        </div>
      )}
    </>
  );
}

/** How many layers are how, and where the first is that differs. */
function Sum({ reply }: { readonly reply: ComparisonReply }) {
  const words = text.value.compare;
  const first = reply.first_divergence;
  const counts = STATUSES.map(
    (status) => [status, reply.layers.filter((row) => row.status === status).length] as const,
  );
  const told = counts.filter(([, count]) => count > 0).map(([status, count]) => `${words.status[status]}: ${count}`);
  return (
    <div class="result-sum">
      <p class="quiet">{told.join(" · ")}</p>
      {first === null ? (
        <p>{reply.equal ? words.equal : reply.close ? words.close : words.unpaired}</p>
      ) : (
        <Button onClick={() => change({ layer: first, unit: null })}>
          {words.first} <span class="result-first">{first}</span>
        </Button>
      )}
    </div>
  );
}
