import "./layer_fields.css";
import "../../ui/control.css";
import type { ProblemItem } from "layerscope";
import { useId, useState } from "preact/hooks";
import { text } from "../../text/text.ts";
import { isObject, type NetworkJson } from "../address.ts";
import { typeOf } from "./catalogue.ts";
import { type Layer, type Place, setArgument } from "./document.ts";
import { edit } from "./history.ts";
import { fieldOf, pointerOf } from "./problems.ts";
import { type FieldSchema, fieldsOf } from "./schema.ts";
import { written } from "./written.ts";
import { FieldProblem, WrittenField } from "./written_field.tsx";

interface Props {
  readonly document: NetworkJson;
  readonly place: Place;
  readonly layer: Layer;
  readonly problems: readonly ProblemItem[];
}

/** The arguments of a layer, under Keras' names. */
export function LayerFields({ document, place, layer, problems }: Props) {
  const [hasAll, setAll] = useState(false);
  const type = typeOf(String(layer["type"]));
  const fields = type === null ? [] : fieldsOf(isObject(type.arguments) ? type.arguments : {});
  const problemOf = (name: string) => problems.find(({ pointer }) => fieldOf(pointer) === name);
  const isShown = ({ name, isRare }: FieldSchema) => hasAll || !isRare || name in layer || problemOf(name);
  return (
    <div class="layer-fields">
      {fields.filter(isShown).map((schema) => (
        <Argument
          key={schema.name}
          schema={schema}
          value={layer[schema.name]}
          problem={problemOf(schema.name)}
          onChange={(value) => {
            edit(setArgument(document, place, schema.name, value), `${pointerOf(place)}/${schema.name}`);
          }}
        />
      ))}
      {fields.some((field) => field.isRare) && (
        <button type="button" class="layer-more" aria-expanded={hasAll} onClick={() => setAll(!hasAll)}>
          {hasAll ? text.value.network.fewer : text.value.network.more}
        </button>
      )}
    </div>
  );
}

interface ArgumentProps {
  readonly schema: FieldSchema;
  readonly value: unknown;
  readonly problem: ProblemItem | undefined;
  readonly onChange: (value: unknown) => void;
}

function Argument({ schema, value, problem, onChange }: ArgumentProps) {
  const { name, kind, description, initial, isRequired } = schema;
  if (kind === "flag") return <Flag {...{ schema, value, problem, onChange }} />;
  if (kind === "words" && (value === undefined || value === null || typeof value === "string")) {
    return <Words {...{ schema, value, problem, onChange }} />;
  }
  return (
    <WrittenField {...{ name, description, isRequired, problem, value, onChange }} placeholder={written(initial)} />
  );
}

function Flag({ schema: { name, initial, description }, value, problem, onChange }: ArgumentProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} title={description}>
        {name}
      </label>
      <input
        id={id}
        type="checkbox"
        checked={Boolean(value ?? initial)}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {problem && <FieldProblem id={`${id}-problem`} problem={problem} />}
    </div>
  );
}

function Words({ schema: { name, words, initial, description }, value, problem, onChange }: ArgumentProps) {
  const id = useId();
  const chosen = typeof value === "string" ? value : "";
  const names = words.includes(chosen) || chosen === "" ? words : [chosen, ...words];
  return (
    <div class="field">
      <label for={id} title={description}>
        {name}
      </label>
      <select
        class="control"
        id={id}
        value={chosen}
        aria-invalid={problem !== undefined}
        aria-describedby={problem && `${id}-problem`}
        onChange={(event) => onChange(event.currentTarget.value === "" ? undefined : event.currentTarget.value)}
      >
        <option value="">{typeof initial === "string" ? initial : "–"}</option>
        {names.map((word) => (
          <option key={word} value={word}>
            {word}
          </option>
        ))}
      </select>
      {problem && <FieldProblem id={`${id}-problem`} problem={problem} />}
    </div>
  );
}
