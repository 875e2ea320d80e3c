import { LayerscopeError, NotFound } from "layerscope";
import { isChooserOpen } from "../network/chooser.tsx";
import { uploading } from "../network/uploads.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { Problems } from "../ui/problems.tsx";
import { returns } from "./service.ts";

/** What went wrong with the network or its run, and what to do about it. */
export function Failure({ error }: { readonly error: Error }) {
  const words = text.value.app;
  if (error instanceof NotFound) return <Missing />;
  return (
    <Notice kind="wrong" title={error instanceof LayerscopeError ? words.failed : words.broken}>
      <Problems error={error} />
      <Button onClick={again}>{words.retry}</Button>
    </Notice>
  );
}

/** A link may name a network that the service does not have, or no more. */
function Missing() {
  const words = text.value.app;
  return (
    <Notice kind="wrong" title={words.missing}>
      <p>{words.missingHelp}</p>
      <Button look="main" onClick={() => (isChooserOpen.value = true)}>
        {text.value.network.choose}
      </Button>{" "}
      <Button onClick={again}>{words.retry}</Button>
    </Notice>
  );
}

/** Reads and runs the network again; a file that was refused has to be sent anew. */
function again(): void {
  uploading.error.value = null;
  returns.value += 1;
}
