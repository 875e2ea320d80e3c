import "./weights_notice.css";
import { state } from "../../app/state.ts";
import { text } from "../../text/text.ts";
import { Button } from "../../ui/button.tsx";
import { Notice } from "../../ui/notice.tsx";
import { isTrained } from "../trained.ts";
import { canRestore, restore } from "./history.ts";

/** Says in the editor what a change does, or did, to trained weights: both take the same place, so that nothing jumps. */
export function WeightsNotice() {
  if (!isTrained(state.value.model)) return <LostWeights />;
  const words = text.value.network;
  return (
    <div class="weights-notice">
      <Notice kind="caution" title={words.editedWeights}>
        <Button isDisabled onClick={restore}>
          {words.restore}
        </Button>
      </Notice>
    </div>
  );
}

/** For as long as a network with trained weights is shown changed: that it has others, and the way back. */
export function LostWeights() {
  if (!canRestore.value) return null;
  const words = text.value.network;
  return (
    <div class="weights-notice">
      <Notice kind="caution" title={words.lostWeights}>
        <Button onClick={restore}>{words.restore}</Button>
      </Notice>
    </div>
  );
}
