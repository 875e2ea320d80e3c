import { useEffect, useState } from "preact/hooks";
import { text } from "../text/text.ts";

const SHOWN_AFTER_SECONDS = 1;

/** The seconds since a moment, counted while they pass; nothing in the first. */
export function Elapsed({ since }: { readonly since: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.floor((now - since) / 1000);
  return seconds < SHOWN_AFTER_SECONDS ? null : <span class="quiet">{text.value.app.since(seconds)}</span>;
}
