import "./draw_pad.css";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { text } from "../text/text.ts";
import { Pad, type Point, SIDE } from "./pad.ts";

const PAUSE_MS = 70;

interface Props {
  readonly name: string;
  /** Called with a base64 PNG while it is drawn, at most every few hundredths of a second. */
  readonly onDraw: (base64: string) => void;
  /** Whether what was drawn is the input; if not, `children` are shown until the pen touches the pad. */
  readonly isDrawn: boolean;
  readonly children?: ComponentChildren;
}

/** A pad to draw on with a pointer, or with the arrow keys and space. */
export function DrawPad({ name, onDraw, isDrawn, children }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [pad] = useState(() => new Pad());
  const [cursor, setCursor] = useState<Point | null>(null);
  const [isTouched, setTouched] = useState(isDrawn);
  const last = useRef<Point | null>(null);
  const timer = useRef(0);
  useEffect(() => {
    setTouched(isDrawn);
    if (!isDrawn) pad.clear();
  }, [isDrawn]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const show = () => {
    setTouched(true);
    if (canvas.current !== null) pad.drawOn(canvas.current);
    if (timer.current !== 0) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      onDraw(pad.base64());
    }, PAUSE_MS);
  };
  const draw = (to: Point) => {
    pad.line(last.current ?? to, to);
    last.current = to;
    show();
  };
  const lift = () => {
    last.current = null;
  };
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
        draw(pointOf(event));
      }}
      onPointerMove={(event) => last.current !== null && event.buttons !== 0 && draw(pointOf(event))}
      onPointerUp={lift}
      onPointerCancel={lift}
      onKeyDown={(event) => {
        const key = event.key;
        if (key === "Delete" || key === "Backspace") {
          pad.clear();
          show();
        } else if (key === " ") {
          draw(cursor ?? MIDDLE);
          lift();
        } else {
          const next = moved(cursor ?? MIDDLE, key);
          if (next === undefined) return;
          setCursor(next);
        }
        event.preventDefault();
      }}
      onBlur={() => setCursor(null)}
    >
      {!isTouched && children}
      <canvas ref={canvas} width={SIDE} height={SIDE} hidden={!isTouched} />
      {cursor !== null && <span class="draw-cursor" style={{ left: percent(cursor.x), top: percent(cursor.y) }} />}
    </div>
  );
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
