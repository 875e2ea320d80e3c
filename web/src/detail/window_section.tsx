import "./window_section.css";
import { ENTRIES, tableOf } from "../activations/colours.ts";
import { state } from "../app/state.ts";
import { isDark } from "../app/theme.ts";
import { text } from "../text/text.ts";
import type { Step, Term } from "./arithmetic.ts";
import { brief } from "./exact.ts";
import { inkOn } from "./ink.ts";
import { numberOf } from "./terms.ts";
import { type Window, windowsOf } from "./window.ts";

/** Of more cells in a line, numbers would not be read. */
const MOST_CELLS = 5;
const PARTS = ["value", "weight", "product"] as const;

/** What the layer sees through its window, times the kernel: of the channel that contributes most. */
export function WindowSection({ step }: { readonly step: Step }) {
  const windows = windowsOf(step);
  const [first] = windows;
  if (first === undefined || first.cells.length > MOST_CELLS || (first.cells[0]?.length ?? 0) > MOST_CELLS) return null;
  const words = text.value.detail;
  return (
    <figure class="window">
      <div class="window-grids">
        {PARTS.map((part) => (
          <Grid key={part} window={first} part={part} />
        ))}
      </div>
      {windows.length > 1 && <figcaption class="quiet">{words.window(first.channel, windows.length)}</figcaption>}
    </figure>
  );
}

interface GridProps {
  readonly window: Window;
  readonly part: (typeof PARTS)[number];
}

function Grid({ window: { cells }, part }: GridProps) {
  const numbers = cells.flat().map((term) => (term === null ? 0 : Math.abs(numberOf(term[part]))));
  const far = Math.max(...numbers.filter(Number.isFinite), 0);
  const words = text.value.detail;
  return (
    <div class="window-grid" role="img" aria-label={words[part]}>
      <p class="quiet">{words[part]}</p>
      {cells.map((row, at) => (
        <div key={row.find((term) => term !== null)?.index[1] ?? -at} class="window-row">
          {row.map((term, column) => (
            <Cell key={term?.index[2] ?? -column} term={term} part={part} far={far} />
          ))}
        </div>
      ))}
    </div>
  );
}

interface CellProps {
  readonly term: Term | null;
  readonly part: GridProps["part"];
  /** The value of the last colour; the first colour has it below zero. */
  readonly far: number;
}

function Cell({ term, part, far }: CellProps) {
  if (term === null) return <span class="window-cell is-outside" />;
  const value = numberOf(term[part]);
  const share = far > 0 && Number.isFinite(value) ? value / far : 0;
  const pixel = tableOf(state.value.colours, isDark.value)[Math.round(((share + 1) / 2) * (ENTRIES - 1))] as number;
  return (
    <span class="window-cell" style={inkOn(pixel)}>
      {brief(term[part] ?? 0)}
    </span>
  );
}
