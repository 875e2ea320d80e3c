import "./view_bar.css";
import { change, FIELDS, state } from "../app/state.ts";
import { text } from "../text/text.ts";
import { Choices } from "../ui/choices.tsx";
import { Select } from "../ui/select.tsx";
import { COLOUR_MAPS } from "./colours.ts";

const SPANS = ["symmetric", "layer", "map"] as const;
const SIZES = ["small", "medium", "large"] as const;
/** The first is what the page begins with. */
const MAPS = [...COLOUR_MAPS].sort((name) => (name === FIELDS.colours.initial ? -1 : 0));

/** How maps are shown: what their colours span, which they are, how large they are. */
export function ViewBar() {
  const words = text.value.activations;
  const { span, colours, size } = state.value;
  return (
    <div class="view-bar">
      <Select
        label={words.colours}
        names={MAPS}
        words={words.colourMaps}
        chosen={colours}
        onChoose={(name) => change({ colours: name })}
      />
      <Select
        label={words.span}
        isBare
        names={SPANS}
        words={words.spans}
        chosen={span}
        onChoose={(name) => change({ span: name })}
      />
      <Choices
        label={words.size}
        names={SIZES}
        words={words.sizes}
        chosen={size}
        onChoose={(name) => change({ size: name })}
      />
    </div>
  );
}
