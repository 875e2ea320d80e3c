import "./status.css";
import { Unauthorized, Unreachable } from "layerscope";
import { useEffect, useState } from "preact/hooks";
import { run } from "../activations/run.ts";
import { isChooserOpen } from "../network/chooser.tsx";
import { problemsOf } from "../network/editor/problems.ts";
import { LostWeights } from "../network/editor/weights_notice.tsx";
import { hasNoLayers, network } from "../network/network.ts";
import { uploading } from "../network/uploads.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Elapsed } from "../ui/elapsed.tsx";
import { Notice } from "../ui/notice.tsx";
import { Failure } from "./failure.tsx";
import { answers, waitsUntil } from "./service.ts";
import { state } from "./state.ts";

/** What goes on, and what went wrong: the reader learns what to do. */
export function Status() {
  const words = text.value.app;
  const error = uploading.error.value ?? network.error.value ?? run.error.value;
  const isTold = error !== null && !(error instanceof Unreachable || error instanceof Unauthorized);
  const planned = network.value.value;
  const isInEditor = state.value.side === "edit" && problemsOf(network.error.value).length > 0;
  return (
    <div class="status">
      <Progress />
      {!answers.value && (
        <Notice kind="wrong" title={words.gone}>
          <p>{words.goneHelp}</p>
        </Notice>
      )}
      {hasNoLayers.value && <Empty />}
      {isTold && answers.value && !hasNoLayers.value && (
        <div class={isInEditor ? "status-in-editor" : undefined}>
          <Failure error={error} />
        </div>
      )}
      <div class={state.value.side === "edit" ? "status-in-editor" : undefined}>
        <LostWeights />
      </div>
      {planned?.lacksWeights && <Notice kind="caution" title={text.value.network.lacksWeights} />}
      {planned?.plan.notes?.map((note) => (
        <Notice key={note.pointer} kind="caution" title={note.pointer}>
          <p>{note.message}</p>
        </Notice>
      ))}
    </div>
  );
}

function Empty() {
  return (
    <Notice kind="caution" title={text.value.activations.empty}>
      <Button onClick={() => (isChooserOpen.value = true)}>{text.value.network.choose}</Button>
    </Notice>
  );
}

/** Work that takes longer than a moment, with a way out. */
function Progress() {
  const words = text.value.app;
  const tasks = [
    { task: uploading, name: words.sending },
    { task: network, name: words.planning },
    { task: run, name: words.running },
  ];
  const { task, name } = tasks.find(({ task: { since } }) => since.value !== null) ?? { task: run, name: "" };
  const since = task.since.value;
  const isLong = useLong(since);
  if (since === null || !isLong || !answers.value) return <div class="progress" />;
  return (
    <div class="progress is-on" role="status">
      <span>{waitsUntil.value === null ? name : words.waiting(secondsUntil(waitsUntil.value))}</span>
      <Elapsed since={since} />
      <Button look="quiet" onClick={task.cancel}>
        {words.cancel}
      </Button>
    </div>
  );
}

const LONG_MS = 400;

/** Whether work has gone on for longer than a moment. */
function useLong(since: number | null): boolean {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (since === null) return;
    const timer = setTimeout(() => setLong(true), LONG_MS);
    return () => clearTimeout(timer);
  }, [since]);
  return isLong;
}

function secondsUntil(moment: number): number {
  return Math.max(1, Math.ceil((moment - Date.now()) / 1000));
}
