import "./blocks.css";
import { change, state } from "../../app/state.ts";
import { text } from "../../text/text.ts";
import { blocksOf } from "../folding.ts";
import type { LayerPlan } from "../network.ts";

/** Folds and unfolds the blocks of a network. */
export function Blocks({ rows }: { readonly rows: readonly LayerPlan[] }) {
  const blocks = blocksOf(rows);
  const { folded } = state.value;
  const words = text.value.network;
  if (blocks.length === 0) return null;
  const toggle = (block: string, isFolded: boolean) => {
    change({ folded: isFolded ? folded.filter((name) => name !== block) : [...folded, block] });
  };
  return (
    <ul class="blocks" aria-label={words.blocks}>
      {blocks.map((block) => {
        const isFolded = folded.includes(block);
        return (
          <li key={block}>
            <button
              type="button"
              aria-expanded={!isFolded}
              aria-label={isFolded ? words.unfold(block) : words.fold(block)}
              onClick={() => toggle(block, isFolded)}
            >
              <span aria-hidden="true">{isFolded ? "▸" : "▾"}</span> {block}
            </button>
          </li>
        );
      })}
    </ul>
  );
}
