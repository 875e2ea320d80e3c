import "./sample_choice.css";
import { useEffect, useRef } from "preact/hooks";
import { text } from "../text/text.ts";
import { chart } from "./chart.ts";
import type { InputProps } from "./input_section.tsx";
import { digitSprite, sampleNames } from "./samples.ts";

const SIDE = 28;

/** The samples that fit an input. */
export function SampleChoice({ spec, source, onChoose }: InputProps) {
  return (
    <div class="samples">
      {sampleNames(spec).map((name) => {
        const isOn = source.kind === "sample" && source.name === name;
        const label = text.value.input.sample(name);
        const isPicture = name.startsWith("digit-") || name === "chart";
        return (
          <button
            key={name}
            type="button"
            class={`sample${isPicture ? " is-picture" : ""}`}
            aria-pressed={isOn}
            aria-label={label}
            title={label}
            onClick={() => onChoose({ kind: "sample", name })}
          >
            {isPicture ? <Thumbnail name={name} /> : label}
          </button>
        );
      })}
    </div>
  );
}

function Thumbnail({ name }: { readonly name: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    void draw(name, canvas.current?.getContext("2d"));
  }, [name]);
  return <canvas ref={canvas} width={SIDE} height={SIDE} />;
}

async function draw(name: string, context: CanvasRenderingContext2D | null | undefined): Promise<void> {
  if (name === "chart") {
    context?.drawImage(await createImageBitmap(await chart(2 * SIDE, 2 * SIDE)), 0, 0, SIDE, SIDE);
    return;
  }
  context?.drawImage(await digitSprite(), -SIDE * Number(name.slice(-1)), 0);
}
