import "./layer_section.css";
import { useComputed } from "@preact/signals";
import { useChosen } from "../app/chosen.ts";
import { change, part } from "../app/state.ts";
import { UnitSwitch } from "../edits/unit_switch.tsx";
import { shape } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { useInView } from "../ui/in_view.ts";
import { ColourBar } from "./colour_bar.tsx";
import { type Kind, kindOf, stepOf } from "./kind.ts";
import { layerRange } from "./layer_range.ts";
import { Maps } from "./maps.tsx";
import type { LayerRow } from "./run.ts";
import { Sequence } from "./sequence.tsx";
import { Statistics } from "./statistics.tsx";
import type { Tensors } from "./tensors.ts";
import { Vector } from "./vector.tsx";
import { size } from "./view_options.ts";

/** A change of the state draws only the sections anew that it is about. */
const open = part("open");

interface Props {
  readonly row: LayerRow;
  readonly tensors: Tensors;
  /** The colour of its node, where nodes have one. */
  readonly colour?: string | undefined;
}

/** So few maps are in one line on any window, nearly. */
const FEW = 4;

/** The id of a layer's section, for those who lead to it. */
export function sectionId(address: string): string {
  return `layer-${address}`;
}

/** One layer: its name, shape and figures, and what it made of the input. */
export function LayerSection({ row, tensors, colour }: Props) {
  const [element, isInView] = useInView<HTMLDivElement>();
  const kind = kindOf(row.shape);
  const step = kind.kind === "maps" && !tensors.isWhole ? stepOf(kind.height, kind.width) : 1;
  const isOpen = useComputed(() => open.value.includes(row.address)).value;
  const isChosen = useChosen(row.address);
  return (
    <section
      id={sectionId(row.address)}
      class={`layer${isChosen ? " is-chosen" : ""}`}
      aria-label={`${row.address}, ${row.type}`}
      tabIndex={-1}
    >
      <header class="layer-head">
        <span class="layer-node" style={colour === undefined ? undefined : { background: colour }} />
        <h3 title={row.address}>{row.address}</h3>
        <p class="layer-told quiet">
          {shape(row.shape)} · {row.type}
        </p>
        <Statistics stats={row.stats} />
        {kind.kind !== "vector" && (
          <div class="layer-colours">
            <ColourBar range={layerRange(row)} />
            {step > 1 && <span class="layer-step">{text.value.activations.sampled(step)}</span>}
            {kind.kind === "maps" && kind.count > FEW && <OpenButton row={row} isOpen={isOpen} count={kind.count} />}
          </div>
        )}
        <UnitSwitch row={row} />
      </header>
      <div ref={element} class={`layer-body is-${kind.kind} is-${size.value}`}>
        {isInView && <Body {...{ row, tensors, kind, isOpen }} />}
      </div>
    </section>
  );
}

interface BodyProps {
  readonly row: LayerRow;
  readonly tensors: Tensors;
  readonly kind: Kind;
  readonly isOpen: boolean;
}

function Body({ row, tensors, kind, isOpen }: BodyProps) {
  if (kind.kind === "maps") return <Maps {...{ row, tensors, kind, isOpen }} />;
  if (kind.kind === "sequence") return <Sequence {...{ row, tensors, kind }} />;
  return <Vector row={row} tensors={tensors} />;
}

interface OpenProps {
  readonly row: LayerRow;
  readonly isOpen: boolean;
  readonly count: number;
}

function OpenButton({ row, isOpen, count }: OpenProps) {
  const words = text.value.activations;
  const others = open.value.filter((address) => address !== row.address);
  return (
    <button
      type="button"
      class="layer-open"
      aria-expanded={isOpen}
      onClick={() => change({ open: isOpen ? others : [...others, row.address] })}
    >
      {isOpen ? words.line : words.all(count)}
    </button>
  );
}
