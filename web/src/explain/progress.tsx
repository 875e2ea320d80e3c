import "./progress.css";
import { useEffect, useState } from "preact/hooks";
import { seconds } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { expectedSeconds, explanation } from "./explanation.ts";

const LONG_MS = 400;
const TICK_MS = 250;

/** Work that takes longer than a moment: how much of the time that the service expects has passed, and a way out. */
export function Progress() {
  const since = explanation.since.value;
  const passed = usePassed(since);
  const words = text.value.explain;
  if (since === null || passed < LONG_MS) return null;
  const expected = expectedSeconds.value;
  const share = expected === null ? undefined : Math.min(passed / 1000 / expected, 1);
  return (
    <div class="explain-progress" role="status">
      <progress value={share} aria-label={words.working} />
      <span class="quiet">
        {expected === null ? seconds(passed / 1000) : words.expected(seconds(passed / 1000), seconds(expected))}
      </span>
      <Button look="quiet" onClick={explanation.cancel}>
        {text.value.app.cancel}
      </Button>
    </div>
  );
}

/** Milliseconds since a moment, while they pass. */
function usePassed(since: number | null): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (since === null) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [since]);
  return since === null ? 0 : Math.max(now - since, 0);
}
