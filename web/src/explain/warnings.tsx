import { text } from "../text/text.ts";
import { Notice } from "../ui/notice.tsx";
import type { Explained } from "./explanation.ts";

interface Props {
  readonly reply: Explained["reply"];
}

/** Reasons to read an explanation with care, each with what to do about it. */
export function Warnings({ reply: { target, warnings } }: Props) {
  const words = text.value.explain;
  if (isNothing(target)) return <Notice kind="caution" title={words.minusItself} />;
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

/** Whether a number is subtracted from itself: of the first item, which is the one that is shown. */
export function isNothing({ address, index, argmax, minus }: Explained["reply"]["target"]): boolean {
  if (minus == null || minus.address !== address) return false;
  return unitOf(index, argmax) === unitOf(minus.index, minus.argmax);
}

type Units = readonly number[] | null | undefined;

function unitOf(index: string | null | undefined, argmax: Units): string {
  return argmax?.[0] === undefined ? (index ?? "") : `[${argmax[0]}]`;
}
