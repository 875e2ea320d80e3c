import { Layerscope } from "layerscope";
import { render } from "preact";

const service = new Layerscope(new URL(".", document.baseURI).href);

function App({ names }: { readonly names: readonly string[] }) {
  return <p>Registered models: {names.join(", ") || "none"}</p>;
}

const { models } = await service.models();
const root = document.getElementById("app");
if (root !== null) render(<App names={models.map((model) => model.name)} />, root);
