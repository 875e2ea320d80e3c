import "./diagram.css";
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { part } from "../../app/state.ts";
import { text } from "../../text/text.ts";
import { Button } from "../../ui/button.tsx";
import { scaled } from "../../ui/rem.ts";
import { DiagramNode } from "./diagram_node.tsx";
import { type Layout, NODE, type Point, place, placed } from "./layout.ts";
import type { Graph } from "./nodes.ts";

const layer = part("layer");
const ZOOM = 1.25;
const [SMALLEST, LARGEST] = [0.2, 2];

interface Props {
  readonly graph: Graph;
  readonly found: ReadonlySet<string> | null;
}

/** A graph with branches, laid out from top to bottom; the wheel with Control, or the buttons, make it larger. */
export function Diagram({ graph, found }: Props) {
  const [scale, setScale] = useState(scaled(85) / 100);
  const element = useRef<HTMLDivElement>(null);
  const words = text.value.network;
  useEffect(() => place(graph), [graph]);
  const here = placed.value?.graph === graph ? placed.value.layout : null;
  if (here === null) return <p class="quiet">{words.layingOut}</p>;
  const zoom = (factor: number) => setScale(Math.min(Math.max(scale * factor, SMALLEST), LARGEST));
  return (
    <div class="diagram">
      <div class="diagram-zoom">
        <Button look="quiet" label={words.zoomOut} onClick={() => zoom(1 / ZOOM)}>
          −
        </Button>
        <Button look="quiet" label={words.zoomIn} onClick={() => zoom(ZOOM)}>
          +
        </Button>
      </div>
      <div
        ref={element}
        class="diagram-paper"
        onWheel={(event) => {
          if (!event.ctrlKey) return;
          event.preventDefault();
          zoom(event.deltaY < 0 ? ZOOM : 1 / ZOOM);
        }}
      >
        <Reveal paper={element} layout={here} scale={scale} first={firstOf(graph, found)} />
        <Drawing {...{ graph, found, scale }} layout={here} />
      </div>
    </div>
  );
}

interface DrawingProps extends Props {
  readonly layout: Layout;
  readonly scale: number;
}

function Drawing({ graph, found, scale, layout: { width, height, places, ways } }: DrawingProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no fieldset
    <svg
      width={width * scale}
      height={height * scale}
      viewBox={`0 0 ${width} ${height}`}
      role="group"
      aria-label={text.value.network.graph}
    >
      {ways.map((points, at) => (
        <path key={graph.edges[at]?.join(" ")} class="diagram-edge" d={curve(points)} />
      ))}
      {graph.nodes.map((node) => (
        <DiagramNode
          key={node.address}
          node={node}
          place={places[node.address] ?? { x: 0, y: 0 }}
          isFaint={found !== null && !found.has(node.address)}
        />
      ))}
    </svg>
  );
}

/** A way through points, its corners rounded. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return "";
  const middles = rest.slice(0, -1).map((point, at) => {
    const next = rest[at + 1] as Point;
    return `Q ${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`;
  });
  return [`M ${first.x} ${first.y}`, ...middles, `L ${last.x} ${last.y}`].join(" ");
}

interface RevealProps {
  readonly paper: RefObject<HTMLElement | null>;
  readonly layout: Layout;
  readonly scale: number;
  /** The first that was found. */
  readonly first: string | undefined;
}

function firstOf(graph: Graph, found: ReadonlySet<string> | null): string | undefined {
  return found === null ? undefined : graph.nodes.find((node) => found.has(node.address))?.address;
}

/** Scrolls to the node that is chosen, and to the first that is found; apart, so that a choice draws nothing anew. */
function Reveal({ paper, layout, scale, first }: RevealProps) {
  const chosen = layer.value;
  useEffect(() => {
    if (chosen !== null) reveal(paper.current, layout.places[chosen], scale);
  }, [layout, chosen]);
  useEffect(() => {
    if (first !== undefined) reveal(paper.current, layout.places[first], scale);
  }, [layout, first]);
  return null;
}

/** Scrolls to a node that is out of sight. */
function reveal(paper: HTMLElement | null, point: Point | undefined, scale: number): void {
  if (paper === null || point === undefined) return;
  const [x, y] = [point.x * scale, point.y * scale];
  const isIn =
    x > paper.scrollLeft &&
    x < paper.scrollLeft + paper.clientWidth &&
    y > paper.scrollTop &&
    y < paper.scrollTop + paper.clientHeight;
  if (!isIn) paper.scrollTo({ left: x - paper.clientWidth / 2, top: y - paper.clientHeight / 2 - NODE.height });
}
