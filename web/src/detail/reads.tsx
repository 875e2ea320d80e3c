import "./reads.css";
import { text } from "../text/text.ts";
import { told } from "./arithmetic.ts";
import { rangeText } from "./box.ts";

/** What the selected value is computed from, in words; the maps of those layers show it outlined. */
export function Reads() {
  const words = text.value.detail;
  const reads = told.value?.reads ?? [];
  if (reads.length === 0) return null;
  return (
    <section class="reads">
      <h3>{words.reads}</h3>
      <dl>
        {reads.map(({ address, box, extent }) => (
          <div key={address}>
            <dt>{address}</dt>
            <dd>{rangeText(box)}</dd>
            <dd class="quiet">{words.extents[extent]}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
