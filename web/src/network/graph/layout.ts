/** Places the nodes of a graph with dagre, in a worker: large graphs take seconds. */

import { signal } from "@preact/signals";
import type { Graph } from "./nodes.ts";

export const NODE = { width: 148, height: 38 } as const;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** The middle of each node. */
  readonly places: Readonly<Record<string, Point>>;
  /** The way of each edge, in the order of the graph's. */
  readonly ways: readonly (readonly Point[])[];
}

export interface Question {
  readonly number: number;
  readonly nodes: readonly string[];
  readonly edges: Graph["edges"];
}

export interface Answer {
  readonly number: number;
  readonly layout: Layout;
}

/** The last layout that was asked for, with the graph it is of; null while it is computed. */
export const placed = signal<{ readonly graph: Graph; readonly layout: Layout } | null>(null);

let worker: Worker | null = null;
let number = 0;

/** Asks for a layout; one that is asked for later is the only one that counts. */
export function place(graph: Graph): void {
  worker ??= new Worker(new URL("./layout_worker.ts", import.meta.url), { type: "module" });
  number += 1;
  const mine = number;
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    if (data.number === mine) placed.value = { graph, layout: data.layout };
  };
  const question: Question = { number: mine, nodes: graph.nodes.map((node) => node.address), edges: graph.edges };
  worker.postMessage(question);
}
