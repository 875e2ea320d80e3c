import "./map_panel.css";
import { nameOf } from "../activations/names.ts";
import { change } from "../app/state.ts";
import { shape } from "../text/figures.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { Problems } from "../ui/problems.tsx";
import { ArithmeticSection } from "./arithmetic_section.tsx";
import { Downloads } from "./downloads.tsx";
import { HistogramSection } from "./histogram_section.tsx";
import { KernelSection } from "./kernel_section.tsx";
import { LargeMap } from "./large_map.tsx";
import { unitsOf, valueAt } from "./position.ts";
import { Reads } from "./reads.tsx";
import { fetched, index, map, position, type Selected, selected } from "./selection.ts";

/** The selected map: large, with the arithmetic of one of its values. */
export function MapPanel() {
  const words = text.value.detail;
  const [now, view, at] = [selected.value, map.value, position.value];
  if (now === null) return <p class="map-panel-empty quiet">{words.empty}</p>;
  return (
    <div class="map-panel">
      <MapHead selected={now} />
      {view === null || at === null ? (
        <Waiting />
      ) : (
        <>
          <LargeMap selected={now} map={view} position={at} />
          <ArithmeticSection />
          <Reads />
          <KernelSection selected={now} channel={index.value?.at(-1) ?? 0} />
          <HistogramSection map={view} value={valueAt(view, at)} />
          <Downloads selected={now} />
        </>
      )}
    </div>
  );
}

/** The place of the map while it is fetched, or what kept it away. */
function Waiting() {
  const error = fetched.since.value === null ? fetched.error.value : null;
  if (error === null) return <p class="quiet">{text.value.activations.loading}</p>;
  return (
    <Notice kind="wrong" title={text.value.app.failed}>
      <Problems error={error} />
    </Notice>
  );
}

/** Which map of which layer, and the ways to its neighbours. */
function MapHead({ selected: { row, unit } }: { readonly selected: Selected }) {
  const words = text.value.detail;
  const count = unitsOf(row.shape);
  const go = (to: number) => change({ layer: row.address, unit: to });
  return (
    <header class="map-head">
      <div>
        <h3>
          {row.address}
          {count > 1 && <span class="map-unit">{nameOf(row, unit)}</span>}
        </h3>
        <p class="quiet">
          {row.type} · {shape(row.shape)}
        </p>
      </div>
      {count > 1 && (
        <div class="map-ways">
          <Button look="quiet" label={words.before} isDisabled={unit === 0} onClick={() => go(unit - 1)}>
            ‹
          </Button>
          <Button look="quiet" label={words.next} isDisabled={unit === count - 1} onClick={() => go(unit + 1)}>
            ›
          </Button>
        </div>
      )}
    </header>
  );
}
