/** A drawing while it is made: what the pen does, and when it is told. */

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Pad, type Point } from "./pad.ts";

const PAUSE_MS = 70;

export interface Drawing {
  readonly canvas: RefObject<HTMLCanvasElement | null>;
  /** Whether something was drawn or cleared since the input was something else. */
  readonly isTouched: boolean;
  /** Whether the pen is down. */
  isDown(): boolean;
  /** Draws from where the pen is to a point, or a dot where it is up. */
  draw(to: Point): void;
  lift(): void;
  clear(): void;
  /** Takes the last stroke back, or the last clearing; whether there was one. */
  undo(): boolean;
}

/** `onDraw` gets a base64 PNG while it is drawn, at most every few hundredths of a second. */
export function useDrawing(isDrawn: boolean, onDraw: (base64: string) => void): Drawing {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [pad] = useState(() => new Pad());
  const [isTouched, setTouched] = useState(isDrawn);
  const last = useRef<Point | null>(null);
  const tell = useLater(() => onDraw(pad.base64()));
  useEffect(() => {
    setTouched(isDrawn);
    if (!isDrawn) pad.reset();
  }, [isDrawn]);
  const show = () => {
    setTouched(true);
    if (canvas.current !== null) pad.drawOn(canvas.current);
    tell();
  };
  const draw = (to: Point) => {
    if (last.current === null) pad.keep();
    pad.line(last.current ?? to, to);
    last.current = to;
    show();
  };
  const lift = () => {
    last.current = null;
  };
  const clear = () => {
    pad.keep();
    pad.clear();
    show();
  };
  const undo = () => {
    const isUndone = pad.undo();
    if (isUndone) show();
    return isUndone;
  };
  return { canvas, isTouched, isDown: () => last.current !== null, draw, lift, clear, undo };
}

/** Does something a moment after it was asked for, once for all that is asked until then. */
function useLater(act: () => void): () => void {
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    if (timer.current !== 0) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      act();
    }, PAUSE_MS);
  };
}
