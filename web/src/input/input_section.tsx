import "./input_section.css";
import { useState } from "preact/hooks";
import { rows, run } from "../activations/run.ts";
import { Statistics } from "../activations/statistics.tsx";
import { shape } from "../text/figures.ts";
import { text } from "../text/text.ts";
import type { InputSource } from "./address.ts";
import { useDrawing } from "./drawing.ts";
import { InputChoice } from "./input_choice.tsx";
import { type InputSpec, takesDigits, takesPictures } from "./samples.ts";
import { SeenInput } from "./seen_input.tsx";

export interface InputProps {
  readonly name: string;
  readonly spec: InputSpec;
  readonly source: InputSource;
  readonly onChoose: (source: InputSource) => void;
}

/** One input of the network: what it is, how the network sees it, and what could be in its place. */
export function InputSection(props: InputProps) {
  const { name, spec, source, onChoose } = props;
  const [isPad, setPad] = useState(false);
  const isDrawn = source.kind === "picture" && source.isDrawn === true;
  const drawing = useDrawing(isDrawn, (base64) => onChoose({ kind: "picture", base64, isDrawn: true }));
  const hasPad = takesDigits(spec) || (takesPictures(spec) && isPad);
  const row = run.error.value === null ? rows.value.get(name) : undefined; // that of the last run is another network's
  return (
    <section class="input" aria-label={`${text.value.input.title}: ${name}`}>
      <header class="input-head">
        <span class="input-node" />
        <h3>{name}</h3>
        <p class="quiet">
          {shape(row?.shape ?? spec.shape)} · {row?.dtype ?? spec.dtype}
        </p>
        <Statistics stats={row?.stats} />
      </header>
      <div class={`input-body${takesPictures(spec) ? " is-picture" : ""}`}>
        <SeenInput {...props} drawing={drawing} isPad={hasPad} />
        <InputChoice {...props} isPad={isPad} onPad={setPad} onClear={hasPad ? drawing.clear : null} />
      </div>
    </section>
  );
}
