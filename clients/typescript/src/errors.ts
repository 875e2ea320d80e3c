/** What a request can end with beside a reply. */

import type { ProblemDocument, ProblemItem } from "./types.ts";

const UNKNOWN: ProblemItem = { pointer: "", message: "" };

/** A refusal of the service. Its message says what was expected, what came, and what to write instead. */
export class LayerscopeError extends Error {
  readonly status: number;
  /** The error's stable name, such as `invalid_document`. */
  readonly code: string;
  /** Each problem with the JSON pointer of its field. */
  readonly problems: readonly ProblemItem[];
  readonly requestId: string;
  readonly title: string;
  readonly detail: string;
  /** Seconds until another try is worth it, where the service says so. */
  readonly retryAfter: number | undefined;

  constructor(problem: ProblemDocument, retryAfter?: number) {
    super(messageOf(problem));
    this.name = problem.code; // bundlers rename classes
    this.status = problem.status;
    this.code = problem.code;
    this.problems = problem.errors;
    this.requestId = problem.request_id;
    this.title = problem.title;
    this.detail = problem.detail;
    this.retryAfter = retryAfter;
  }

  /** The pointers of all problems. */
  get pointers(): string[] {
    return this.problems.map((problem) => problem.pointer);
  }

  /** What the first problem's field should be. */
  get expected(): string | undefined {
    return (this.problems[0] ?? UNKNOWN).expected ?? undefined;
  }

  /** What the first problem's field is. */
  get received(): string | undefined {
    return (this.problems[0] ?? UNKNOWN).received ?? undefined;
  }

  /** What to write instead. */
  get suggestion(): string | undefined {
    return (this.problems[0] ?? UNKNOWN).suggestion ?? undefined;
  }
}

/** No reply came: the service is not running or not reachable, or the browser keeps this page from asking it. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";

  constructor(url: string, cause: unknown) {
    super(`${url} does not answer; is the service running, and may this page ask it (LAYERSCOPE_ORIGINS)?`, { cause });
  }
}

function messageOf(problem: ProblemDocument): string {
  const lines = problem.errors.map(({ pointer, message, expected, received, suggestion }) => {
    const parts = [
      `${pointer === "" ? "" : `${pointer}: `}${message}`,
      expected ? `expected ${expected}` : "",
      received ? `received ${received}` : "",
      suggestion ?? "",
    ];
    return parts.filter((part) => part !== "").join("; ");
  });
  return lines.length > 0 ? lines.join("\n") : problem.detail || problem.title;
}
