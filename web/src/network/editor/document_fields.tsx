import type { ProblemItem } from "layerscope";
import { text } from "../../text/text.ts";
import type { NetworkJson } from "../address.ts";
import { withField } from "./document.ts";
import { edit } from "./history.ts";
import { fieldOf } from "./problems.ts";
import { WrittenField } from "./written_field.tsx";

const FIELDS = ["input", "seed", "scale"] as const;
const PLACEHOLDERS = { input: "28, 28, 1", seed: "0", scale: "none" } as const;

interface Props {
  readonly document: NetworkJson;
  readonly problems: readonly ProblemItem[];
}

/** What a document says beside its layers. */
export function DocumentFields({ document, problems }: Props) {
  return (
    <div class="layer-fields">
      {FIELDS.map((name) => (
        <WrittenField
          key={name}
          name={name}
          description={text.value.network.documentFields[name]}
          value={document[name]}
          placeholder={PLACEHOLDERS[name]}
          problem={problems.find(({ pointer }) => !pointer.startsWith("/layers") && fieldOf(pointer) === name)}
          onChange={(value) => edit(withField(document, name, value), name)}
        />
      ))}
    </div>
  );
}
