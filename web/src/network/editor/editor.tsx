import "./editor.css";
import { useEffect, useState } from "preact/hooks";
import { noteFailure, service } from "../../app/service.ts";
import { state } from "../../app/state.ts";
import { text } from "../../text/text.ts";
import { Button } from "../../ui/button.tsx";
import { Notice } from "../../ui/notice.tsx";
import { isObject, type NetworkJson } from "../address.ts";
import { network } from "../network.ts";
import { PRESETS } from "../presets.ts";
import { loadCatalogue } from "./catalogue.ts";
import { hasLayers, isEmpty } from "./document.ts";
import { DocumentFields } from "./document_fields.tsx";
import { DocumentText } from "./document_text.tsx";
import { canRedo, canUndo, redo, undo } from "./history.ts";
import { LayerEditors } from "./layer_editors.tsx";
import { problemsOf } from "./problems.ts";
import { WeightsNotice } from "./weights_notice.tsx";

/** Edits the layers of the network; every change is planned at once, and run. */
export function Editor() {
  const [isText, setText] = useState(false);
  const document = useDocument();
  useEffect(loadCatalogue, []);
  const words = text.value.network;
  if (document === null) return <p class="quiet">{text.value.activations.loading}</p>;
  const problems = problemsOf(network.error.value);
  const isListed = hasLayers(document);
  const elsewhere = (isEmpty(document) ? [] : problems).filter(
    ({ pointer }) => !/^\/(layers\/\d|input$|seed$|scale$)/.test(pointer),
  );
  return (
    <section class="editor" aria-label={words.edit}>
      <div class="editor-tools">
        <Button isDisabled={!canUndo.value} onClick={undo}>
          {text.value.app.undo}
        </Button>
        <Button isDisabled={!canRedo.value} onClick={redo}>
          {text.value.app.redo}
        </Button>
        <Button isOn={isText || !isListed} isDisabled={!isListed} onClick={() => setText(!isText)}>
          JSON
        </Button>
      </div>
      <WeightsNotice />
      {elsewhere.map((problem) => (
        <Notice key={problem.pointer} kind="wrong" title={`${problem.pointer} ${problem.message}`}>
          {problem.suggestion && <p>{problem.suggestion}</p>}
        </Notice>
      ))}
      {isText || !isListed ? (
        <DocumentText document={document} />
      ) : (
        <>
          <DocumentFields document={document} problems={problems} />
          <LayerEditors {...{ document, problems }} block={[]} address="" />
        </>
      )}
    </section>
  );
}

/** The document of what is shown, also while it is wrong; of a registered network once it is here. */
function useDocument(): NetworkJson | null {
  const { model } = state.value;
  const [fetched, setFetched] = useState<{ name: string; document: NetworkJson } | null>(null);
  useEffect(() => {
    if (model.kind !== "registered") return;
    const { name } = model;
    service.value
      .model(name)
      .document()
      .then((found) => {
        if (isObject(found)) setFetched({ name, document: found });
      }, noteFailure);
  }, [model]);
  if (model.kind === "document") return model.document;
  if (model.kind === "preset") return PRESETS[model.name]?.document ?? null;
  return fetched?.name === model.name ? fetched.document : null;
}
