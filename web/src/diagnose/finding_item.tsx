import "./finding_item.css";
import { change, state } from "../app/state.ts";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { type Finding, figuresOf, keyOf, unitsOf } from "./findings.ts";

/** One thing that was found: how bad it is, where, what it means and what to try, and what was seen. */
export function FindingItem({ finding }: { readonly finding: Finding }) {
  const words = text.value.diagnose;
  const key = keyOf(finding);
  const isChosen = state.value.finding === key;
  const lead = (unit: number | null) => change({ layer: finding.address, unit, finding: key });
  return (
    <li class={`finding${isChosen ? " is-chosen" : ""}`}>
      <div class="finding-head">
        <span class={`finding-severity ${finding.severity}`}>{words.severities[finding.severity]}</span>
        <strong>{words.names[finding.finding] ?? finding.finding}</strong>
        <span class="finding-layer">
          <Button
            look="quiet"
            isOn={isChosen}
            label={words.lead(finding.address)}
            onClick={() => (isChosen ? change({ finding: null }) : lead(null))}
          >
            {finding.address}
          </Button>
        </span>
      </div>
      {words.meanings[finding.finding] && <p>{words.meanings[finding.finding]}</p>}
      <p lang="en">{finding.text}</p>
      <Evidence finding={finding} />
      <Units finding={finding} onLead={lead} />
    </li>
  );
}

function Evidence({ finding }: { readonly finding: Finding }) {
  const words = text.value.diagnose;
  return (
    <dl class="finding-evidence">
      {figuresOf(finding).map(([name, value]) => (
        <div key={name}>
          <dt>{words.evidence[name] ?? name}</dt>
          <dd>
            {typeof value === "number" ? figure(value) : value}
            {finding.threshold[name] !== undefined && ` (${words.threshold} ${figure(finding.threshold[name])})`}
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface UnitsProps {
  readonly finding: Finding;
  readonly onLead: (unit: number) => void;
}

/** The units it is about, of which the service lists the first twenty. */
function Units({ finding, onLead }: UnitsProps) {
  const words = text.value.diagnose;
  const units = unitsOf(finding);
  if (units.length === 0) return null;
  return (
    <div class="finding-units">
      <span class="quiet">{words.units}</span>
      {units.map((unit) => (
        <Button
          key={unit}
          look="quiet"
          isOn={state.value.layer === finding.address && state.value.unit === unit}
          label={words.unit(unit, finding.address)}
          onClick={() => onLead(unit)}
        >
          {unit}
        </Button>
      ))}
    </div>
  );
}
