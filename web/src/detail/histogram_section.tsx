import "./histogram_section.css";
import { useMemo } from "preact/hooks";
import type { MapView } from "../activations/tensors.ts";
import { figure } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { binOf, histogramOf } from "./histogram.ts";

const BINS = 40;

interface Props {
  readonly map: MapView;
  /** The value whose bin stands out. */
  readonly value: number;
}

/** How often which values occur in the map. */
export function HistogramSection({ map, value }: Props) {
  const histogram = useMemo(() => histogramOf(map, BINS), [map.data, map.first, map.width]);
  const words = text.value.detail;
  if (histogram === null) return null;
  const most = Math.max(...histogram.counts);
  const chosen = Number.isFinite(value) ? binOf(histogram, value) : -1;
  const label = words.histogramLabel(figure(histogram.min), figure(histogram.max), most);
  return (
    <section class="histogram">
      <h3>{words.histogram}</h3>
      <div class="histogram-bars" role="img" aria-label={label}>
        {histogram.counts.map((count, bin) => (
          <span
            key={bin}
            class={bin === chosen ? "is-chosen" : undefined}
            style={{ height: count === 0 ? 0 : `max(1px, ${(100 * count) / most}%)` }}
          />
        ))}
      </div>
      <p class="histogram-ends quiet">
        <span>{figure(histogram.min)}</span>
        <span>{words.most(most)}</span>
        <span>{figure(histogram.max)}</span>
      </p>
      {histogram.notFinite > 0 && <p>{words.notFinite(histogram.notFinite)}</p>}
    </section>
  );
}
