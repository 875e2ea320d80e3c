import { text } from "../text/text.ts";
import { Notice } from "../ui/notice.tsx";
import type { Explained } from "./explanation.ts";

interface Props {
  readonly warnings: Explained["reply"]["warnings"];
}

/** Reasons to read an explanation with care, each with what to do about it. */
export function Warnings({ warnings }: Props) {
  const words = text.value.explain;
  return (
    <>
      {warnings.map(({ warning, address }) => (
        <Notice key={`${warning} ${address}`} kind="caution" title={words.warnings[warning] ?? warning}>
          <p>{words.warningHelp[warning]}</p>
        </Notice>
      ))}
    </>
  );
}
