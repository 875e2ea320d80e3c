import "./diagram_node.css";
import { useChosen } from "../../app/chosen.ts";
import { shape } from "../../text/figures.ts";
import { measure, nodeColour } from "../measures.ts";
import { choose } from "./choose.ts";
import { NODE, type Point } from "./layout.ts";
import type { Planned } from "./nodes.ts";

const LONGEST_NAME = 17;

interface Props {
  readonly node: Planned;
  readonly place: Point;
  readonly isFaint: boolean;
}

/** A layer in a diagram: its name, below it its shape or the number that colours it. */
export function DiagramNode({ node, place, isFaint }: Props) {
  const { address, type } = node;
  const value = measure.value?.of(address) ?? null;
  const told = value === null ? shape(node.shape) : (measure.value?.written(value) ?? "");
  const shown = shortened(address);
  const isChosen = useChosen(address);
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button
    <g
      class={`diagram-node${isChosen ? " is-chosen" : ""}${isFaint ? " is-faint" : ""}`}
      transform={`translate(${place.x - NODE.width / 2} ${place.y - NODE.height / 2})`}
      role="button"
      tabindex={0}
      aria-label={`${shown} ${told}, ${type}${shown === address ? "" : `, ${address}`}`}
      aria-pressed={isChosen}
      onClick={() => choose(address)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose(address);
      }}
    >
      <rect width={NODE.width} height={NODE.height} rx={4} />
      <circle cx={13} cy={13} r={4.5} style={{ fill: nodeColour.value(address) }} />
      <text x={24} y={17}>
        {shown}
      </text>{" "}
      <text x={24} y={31} class="diagram-told">
        {told}
      </text>
    </g>
  );
}

/** The end of a long name, which says more than its beginning. */
function shortened(name: string): string {
  return name.length > LONGEST_NAME ? `…${name.slice(1 - LONGEST_NAME)}` : name;
}
