/** The worker that places the nodes of graphs. */

import { Graph, layout } from "@dagrejs/dagre";
import { type Answer, type Layout, NODE, type Question } from "./layout.ts";

const SETTINGS = { rankdir: "TB", nodesep: 18, ranksep: 26, edgesep: 12, marginx: 8, marginy: 8 };

addEventListener("message", ({ data }: MessageEvent<Question>) => {
  const answer: Answer = { number: data.number, layout: laidOut(data) };
  postMessage(answer);
});

function laidOut({ nodes, edges }: Question): Layout {
  const graph = new Graph();
  graph.setGraph(SETTINGS);
  for (const node of nodes) graph.setNode(node, { ...NODE });
  for (const [from, to] of edges) graph.setEdge(from, to, {});
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const places = nodes.map((name) => [name, pointOf(graph.node(name))] as const);
  const ways = edges.map(([from, to]) => (graph.edge(from, to).points ?? []).map(pointOf));
  return { width, height, places: Object.fromEntries(places), ways };
}

function pointOf({ x, y }: { x?: number; y?: number }) {
  return { x: x ?? 0, y: y ?? 0 };
}
