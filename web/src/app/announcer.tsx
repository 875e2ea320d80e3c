import { run } from "../activations/run.ts";
import { figure, seconds } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { answers } from "./service.ts";

/** Tells screen readers what changed: a run that ended, a service that is gone. */
export function Announcer() {
  return (
    <div class="unseen" role="status" aria-live="polite">
      {answers.value ? told() : text.value.app.gone}
    </div>
  );
}

function told(): string {
  const reply = run.value.value?.reply;
  if (reply === undefined || run.since.value !== null) return "";
  const time = seconds(reply.timing.run_ms / 1000);
  const last = reply.layers[reply.layers.length - 1];
  const range = last?.stats ? ` ${last.address}: ${figure(last.stats.min)} … ${figure(last.stats.max)}.` : "";
  return text.value.app.computed(reply.layers.length, time) + range;
}
