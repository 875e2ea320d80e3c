import "./application_form.css";
import { useState } from "preact/hooks";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Select } from "../ui/select.tsx";
import { APPLICATIONS } from "./applications.ts";
import { open } from "./chooser.tsx";

const WEIGHTS = ["seed", "imagenet"] as const;

/** Chooses a network of keras.applications. */
export function ApplicationForm() {
  const words = text.value.network;
  const [application, setApplication] = useState<string>("MobileNetV2");
  const [weights, setWeights] = useState<(typeof WEIGHTS)[number]>("seed");
  const [hasTop, setTop] = useState(true);
  const document = {
    application,
    weights: weights === "seed" ? null : weights,
    ...(!hasTop && { include_top: false }),
  };
  return (
    <div class="application-form">
      <Select
        label={words.application}
        names={APPLICATIONS}
        words={{}}
        chosen={application}
        onChoose={setApplication}
      />
      <Select
        label={words.weights}
        names={WEIGHTS}
        words={{ seed: words.weightsSeed, imagenet: words.weightsImagenet }}
        chosen={weights}
        onChoose={setWeights}
      />
      <label class="application-top">
        <input type="checkbox" checked={hasTop} onChange={(event) => setTop(event.currentTarget.checked)} />
        {words.includeTop}
      </label>
      <Button look="main" onClick={() => open({ kind: "document", document })}>
        {words.open}
      </Button>
    </div>
  );
}
