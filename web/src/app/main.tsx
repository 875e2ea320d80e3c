/** Where the page begins: the state follows the address, the network the state, the run the network. */

import "./theme.css";
import { render } from "preact";
import { followRun } from "../activations/run.ts";
import { followSilent } from "../activations/silent.ts";
import { followComparison } from "../compare/comparison.ts";
import { addMapPanel } from "../detail/index.ts";
import { addExplainPanel } from "../explain/index.ts";
import "../compare/panel.ts";
import { followDiagnosis } from "../diagnose/diagnosis.ts";
import "../diagnose/panel.ts";
import { followModel } from "../network/network.ts";
import { followLanguage } from "../text/text.ts";
import { followAddress } from "./address_bar.ts";
import { App } from "./app.tsx";
import { followTheme } from "./theme.ts";

followTheme();
followLanguage();
followAddress();
followModel();
followRun();
followSilent();
addMapPanel();
addExplainPanel();
followComparison();
followDiagnosis();

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
