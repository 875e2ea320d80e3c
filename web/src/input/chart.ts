/** A test chart, drawn at the size of the input: edges in all directions, tones, gratings, colours. */

const SPOKES = 24;
const STEPS = 8;
const COLOURS = ["#0b7285", "#e8590c", "#2b8a3e", "#c2255c", "#f2c037", "#364fc7"];

/** The chart as a PNG of this size. */
export async function chart(height: number, width: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context !== null) {
    context.scale(width, height); // everything below is in shares of the picture
    context.fillStyle = "#8f8f8f";
    context.fillRect(0, 0, 1, 1);
    drawStar(context, 0.34, 0.36, 0.28);
    drawTones(context);
    drawDiscs(context);
    drawGrating(context);
  }
  return canvas.convertToBlob();
}

type Context = OffscreenCanvasRenderingContext2D;

/** Siemens' star: edges of every direction, finer towards the middle. */
function drawStar(context: Context, x: number, y: number, radius: number): void {
  context.fillStyle = "#fff";
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = "#000";
  for (let spoke = 0; spoke < SPOKES; spoke += 2) {
    const [from, to] = [spoke, spoke + 1].map((edge) => (edge / SPOKES) * 2 * Math.PI);
    context.beginPath();
    context.moveTo(x, y);
    context.arc(x, y, radius, from ?? 0, to ?? 0);
    context.fill();
  }
}

function drawTones(context: Context): void {
  for (let step = 0; step < STEPS; step += 1) {
    const tone = Math.round((255 * step) / (STEPS - 1));
    context.fillStyle = `rgb(${tone}, ${tone}, ${tone})`;
    context.fillRect(0.06 + (step * 0.88) / STEPS, 0.86, 0.88 / STEPS, 0.09);
  }
}

function drawDiscs(context: Context): void {
  COLOURS.forEach((colour, at) => {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(0.74 + 0.15 * (at % 2), 0.14 + 0.15 * Math.floor(at / 2), 0.062, 0, 2 * Math.PI);
    context.fill();
  });
}

function drawGrating(context: Context): void {
  context.fillStyle = "#111";
  context.fillRect(0.66, 0.54, 0.28, 0.26);
  context.fillStyle = "#f4f4f4";
  for (let left = 0.02; left < 0.26; left += 0.015 + left / 6) {
    context.fillRect(0.66 + left, 0.54, 0.008 + left / 12, 0.26);
  }
}
