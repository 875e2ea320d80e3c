import "./problems.css";
import { LayerscopeError } from "layerscope";
import { text } from "../text/text.ts";

/** What an error says: each field with what was expected, what came, and what to write instead. */
export function Problems({ error }: { readonly error: Error }) {
  if (!(error instanceof LayerscopeError)) return <p>{error.message}</p>;
  if (error.problems.length === 0) return <p>{error.detail || error.title}</p>;
  return (
    <ul class="problems">
      {error.problems.map((problem) => (
        <li key={`${problem.pointer} ${problem.message}`}>
          {problem.pointer !== "" && <code>{problem.pointer}</code>} {problem.message}
          {problem.suggestion && <strong> · {problem.suggestion}</strong>}
          <Told expected={problem.expected} received={problem.received} />
        </li>
      ))}
    </ul>
  );
}

interface ToldProps {
  readonly expected?: string | null | undefined;
  readonly received?: string | null | undefined;
}

function Told({ expected, received }: ToldProps) {
  const words = text.value.app;
  const parts = [expected && `${words.expected}: ${expected}`, received && `${words.received}: ${received}`];
  const told = parts.filter(Boolean).join("; ");
  return told === "" ? null : <span class="quiet problems-told">{told}</span>;
}
