import "../ui/control.css";
import { useState } from "preact/hooks";
import { text } from "../text/text.ts";
import { Select } from "../ui/select.tsx";

const NONE = "";
const OTHER = "other";

interface Props {
  readonly label: string;
  /** What stands for none, and what it means. */
  readonly none: string;
  readonly choices: Readonly<Record<string, string>>;
  readonly chosen: string | null;
  readonly onChoose: (target: string | null) => void;
}

/** One number of the network: one of the offered ones, or any that is written, such as `dense:pre[7]`. */
export function TermChoice({ label, none, choices, chosen, onChoose }: Props) {
  const [isWritten, setWritten] = useState(false);
  const words = text.value.explain;
  const offered: Record<string, string> = { [NONE]: none, ...choices };
  if (chosen !== null && !(chosen in offered)) offered[chosen] = chosen;
  const choose = (name: string) => {
    setWritten(name === OTHER);
    if (name !== OTHER) onChoose(name === NONE ? null : name);
  };
  return (
    <>
      <Select
        label={label}
        names={[...Object.keys(offered), OTHER]}
        words={{ ...offered, [OTHER]: words.other }}
        chosen={isWritten ? OTHER : (chosen ?? NONE)}
        onChoose={choose}
      />
      {isWritten && (
        <label class="select target-written">
          <span class="quiet">{words.address}</span>
          <input
            class="control"
            type="text"
            spellcheck={false}
            value={chosen ?? NONE}
            placeholder="dense:pre[7]"
            onChange={(event) => choose(event.currentTarget.value.trim())}
          />
        </label>
      )}
    </>
  );
}
