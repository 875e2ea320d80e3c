import "./draw_pad.css";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { text } from "../text/text.ts";
import type { Drawing } from "./drawing.ts";
import { type Point, SIDE } from "./pad.ts";

interface Props {
  readonly name: string;
  readonly drawing: Drawing;
  /** Shown until the pen touches the pad. */
  readonly children?: ComponentChildren;
}

/** A pad to draw on with a pointer, or with the arrow keys and space. */
export function DrawPad({ name, drawing, children }: Props) {
  const [cursor, setCursor] = useState<Point | null>(null);
  return (
    <div
      class="draw-pad"
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application has keys of its own
      tabIndex={0}
      aria-label={text.value.input.pad(name)}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        drawing.draw(pointOf(event));
      }}
      onPointerMove={(event) => drawing.isDown() && event.buttons !== 0 && drawing.draw(pointOf(event))}
      onPointerUp={drawing.lift}
      onPointerCancel={drawing.lift}
      onKeyDown={(event) => type(event, drawing, cursor ?? MIDDLE, setCursor)}
      onBlur={() => setCursor(null)}
    >
      {!drawing.isTouched && children}
      <canvas ref={drawing.canvas} width={SIDE} height={SIDE} hidden={!drawing.isTouched} />
      {cursor !== null && <span class="draw-cursor" style={{ left: percent(cursor.x), top: percent(cursor.y) }} />}
    </div>
  );
}

/** The keys of the pad: arrows move, space draws a dot, Delete clears, Ctrl Z takes a stroke back while there is one. */
function type(event: KeyboardEvent, drawing: Drawing, cursor: Point, go: (to: Point) => void): void {
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() === "z" && !event.shiftKey && drawing.undo()) take(event);
    return;
  }
  const next = moved(cursor, event.key);
  if (event.key === "Delete" || event.key === "Backspace") {
    drawing.clear();
  } else if (event.key === " ") {
    drawing.draw(cursor);
    drawing.lift();
  } else if (next !== undefined) {
    go(next);
  } else {
    return;
  }
  event.preventDefault();
}

/** Keeps a key from the page, which would take an edit of the network back. */
function take(event: KeyboardEvent): void {
  event.preventDefault();
  event.stopPropagation();
}

const MIDDLE: Point = { x: SIDE / 2, y: SIDE / 2 };

function pointOf(event: PointerEvent & { readonly currentTarget: HTMLElement }): Point {
  const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
  return { x: ((event.clientX - left) / width) * SIDE, y: ((event.clientY - top) / height) * SIDE };
}

function moved({ x, y }: Point, key: string): Point | undefined {
  const ways: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const way = ways[key];
  const inside = (value: number) => Math.min(Math.max(value, 0.5), SIDE - 0.5);
  return way && { x: inside(x + way[0]), y: inside(y + way[1]) };
}

function percent(pixels: number): string {
  return `${(100 * pixels) / SIDE}%`;
}
