/** A picture of 28 × 28 grey pixels that is drawn on, white on black like the digits of MNIST. */

export const SIDE = 28;
/** Of the pen, in pixels, and of its soft edge. Looks like MNIST's strokes, which were scaled down from larger ones. */
const RADIUS = 0.95;
const EDGE = 0.9;
const MOST_KEPT = 100;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export class Pad {
  readonly pixels = new Uint8ClampedArray(SIDE * SIDE);
  readonly #before: Uint8ClampedArray[] = [];

  /** Keeps what is drawn, so that `undo` comes back to it. */
  keep(): void {
    this.#before.push(this.pixels.slice());
    if (this.#before.length > MOST_KEPT) this.#before.shift();
  }

  /** Comes back to what was kept last; whether there was something. */
  undo(): boolean {
    const before = this.#before.pop();
    if (before !== undefined) this.pixels.set(before);
    return before !== undefined;
  }

  /** Begins anew, with nothing to come back to. */
  reset(): void {
    this.clear();
    this.#before.length = 0;
  }

  clear(): void {
    this.pixels.fill(0);
  }

  /** Draws from one point to another, in pixels from the top left corner. */
  line(from: Point, to: Point): void {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.x - from.x, to.y - from.y)));
    for (let step = 0; step <= steps; step += 1) {
      const part = step / steps;
      this.#dot(from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part);
    }
  }

  /** Draws itself, a pixel for each pixel. */
  drawOn(canvas: HTMLCanvasElement | OffscreenCanvas): void {
    const image = new ImageData(SIDE, SIDE);
    this.pixels.forEach((value, at) => {
      image.data.set([value, value, value, 255], 4 * at);
    });
    const context = canvas.getContext("2d") as CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null;
    context?.putImageData(image, 0, 0);
  }

  /** The picture as a PNG in base64. */
  base64(): string {
    const canvas = document.createElement("canvas");
    canvas.width = SIDE;
    canvas.height = SIDE;
    this.drawOn(canvas);
    return canvas.toDataURL("image/png").replace(/^.*,/, "");
  }

  #dot(x: number, y: number): void {
    const reach = Math.ceil(RADIUS + EDGE);
    for (let row = Math.floor(y) - reach; row <= y + reach; row += 1) {
      for (let column = Math.floor(x) - reach; column <= x + reach; column += 1) {
        if (row < 0 || column < 0 || row >= SIDE || column >= SIDE) continue;
        const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const ink = 255 * Math.min(1, (RADIUS + EDGE - distance) / EDGE);
        const at = row * SIDE + column;
        this.pixels[at] = Math.max(this.pixels[at] ?? 0, ink);
      }
    }
  }
}
