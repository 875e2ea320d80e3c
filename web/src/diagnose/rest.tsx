import "./rest.css";
import { text } from "../text/text.ts";
import { type Finding, grouped } from "./findings.ts";

interface Props {
  readonly findings: readonly Finding[];
  readonly status: "clear" | "not_enough_items";
}

/** Findings that were not found, folded: of which layers they are clear, or need more items. */
export function Rest({ findings, status }: Props) {
  const words = text.value.diagnose;
  const groups = grouped(findings, status);
  if (groups.size === 0) return null;
  const count = [...groups.values()].reduce((sum, layers) => sum + layers.length, 0);
  return (
    <details class="rest">
      <summary>{words.rest[status](groups.size, count)}</summary>
      {status === "not_enough_items" && <p class="quiet">{words.addMore}</p>}
      <ul>
        {[...groups].map(([name, layers]) => (
          <li key={name}>
            {status === "clear" ? words.absent(words.names[name] ?? name) : (words.names[name] ?? name)}{" "}
            <span class="rest-layers quiet">{layers.map((layer) => layer.address).join(", ")}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
