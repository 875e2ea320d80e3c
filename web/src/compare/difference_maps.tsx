import "./difference_maps.css";
import { useEffect, useState } from "preact/hooks";
import { kindOf } from "../activations/kind.ts";
import type { Tensors } from "../activations/tensors.ts";
import { change, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Canvas } from "./canvas.tsx";
import { ColourScale } from "./colour_scale.tsx";
import { DifferenceValues } from "./difference_values.tsx";

const FIRST = 16;
const WIDTH = 72;

interface Props {
  readonly address: string;
  readonly shape: readonly number[];
  readonly tensors: Tensors;
  /** The largest |a − b| of the layer: the colours reach as far on both sides of zero. */
  readonly most: number;
}

/** a − b of a layer: maps in colours about zero, or values. */
export function DifferenceMaps(props: Props) {
  const { address, shape, tensors, most } = props;
  const [shown, setShown] = useState(FIRST);
  const kind = kindOf(shape);
  const count = kind.kind === "maps" ? kind.count : 1;
  const end = Math.min(shown, count);
  useEffect(() => {
    tensors.want(address, shape, 0, end);
    return () => tensors.forget(address);
  }, [tensors, address, end]);
  if (kind.kind !== "maps") return <DifferenceValues {...props} kind={kind} />;
  return (
    <>
      <ColourScale most={most} />
      <fieldset class="difference-maps" aria-label={text.value.compare.maps(address)}>
        {Array.from({ length: end }, (_, unit) => (
          <DifferenceMap key={unit} {...props} unit={unit} height={(WIDTH * kind.height) / kind.width} />
        ))}
      </fieldset>
      {end < count && (
        <Button look="quiet" onClick={() => setShown(shown + 2 * FIRST)}>
          {text.value.edits.more(count - end)}
        </Button>
      )}
    </>
  );
}

interface MapProps extends Props {
  readonly unit: number;
  readonly height: number;
}

function DifferenceMap({ address, shape, tensors, most, unit, height }: MapProps) {
  const view = tensors.map(address, shape, unit);
  const isChosen = state.value.layer === address && state.value.unit === unit;
  return (
    <button
      type="button"
      class="difference-map"
      aria-pressed={isChosen}
      aria-label={text.value.activations.map(unit)}
      onClick={() => change({ layer: address, unit })}
    >
      <Canvas view={view} most={most} height={Math.min(height, 3 * WIDTH)} />
      {unit}
    </button>
  );
}
