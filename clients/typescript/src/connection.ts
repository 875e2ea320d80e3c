/** Requests to one service: its address, the key, further tries, and errors read from replies. */

import { errorIn } from "./error_classes.ts";
import { Unreachable } from "./errors.ts";

const TRIES = 3;
const MAX_WAIT_SECONDS = 30;
/** Statuses that say that the same request may succeed later. */
const BUSY = new Set([429, 503]);

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export interface LayerscopeOptions {
  /** Sent as a bearer token, where the service wants keys. */
  readonly key?: string | undefined;
  /** In place of the platform's own, to add headers or to test. */
  readonly fetch?: Fetch | undefined;
}

export interface Request {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly accept?: string;
  readonly body?: FormData | Blob | string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Statuses that are replies, though they are no success. */
  readonly expected?: readonly number[];
}

export class Connection {
  readonly #base: string;
  readonly #key: string | undefined;
  readonly #fetch: Fetch;

  constructor(url: string, options: LayerscopeOptions = {}) {
    this.#base = url.replace(/\/+$/, "");
    this.#key = options.key;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /** The address of a path, for an `<img>` or to show it. */
  address(path: string, query: Request["query"] = {}): string {
    const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
    return this.#base + path + (given.length > 0 ? `?${new URLSearchParams(given)}` : "");
  }

  /**
   * Sends a request; 429 and 503 that say when to come back are tried again, twice. Every request of this client may be
   * repeated: runs change nothing, and PUT and DELETE are idempotent.
   *
   * @throws LayerscopeError for what the service refuses, Unreachable where nothing answers, the signal's reason.
   */
  async send(path: string, request: Request = {}): Promise<Response> {
    const address = this.address(path, request.query);
    for (let tries = 1; ; tries += 1) {
      const response = await this.#once(address, request);
      if (response.ok || request.expected?.includes(response.status)) {
        return response;
      }
      const wait = Number(response.headers.get("Retry-After"));
      if (tries === TRIES || !BUSY.has(response.status) || !(wait > 0 && wait <= MAX_WAIT_SECONDS)) {
        throw await errorIn(response);
      }
      await response.body?.cancel();
      await paused(wait * 1000, request.signal);
    }
  }

  /** The reply's JSON. The caller says what the OpenAPI document says that it is. */
  async json<Reply>(path: string, request: Request = {}): Promise<Reply> {
    const response = await this.send(path, { accept: "application/json", ...request });
    return (await response.json()) as Reply;
  }

  async #once(address: string, { method = "GET", accept, body, signal }: Request): Promise<Response> {
    const headers: Record<string, string> = {};
    if (accept !== undefined) headers["Accept"] = accept;
    if (this.#key !== undefined) headers["Authorization"] = `Bearer ${this.#key}`;
    if (typeof body === "string") headers["Content-Type"] = "application/json";
    try {
      return await this.#fetch(address, { method, headers, body: body ?? null, signal: signal ?? null });
    } catch (error) {
      throw error instanceof TypeError && !signal?.aborted ? new Unreachable(address, error) : error;
    }
  }
}

function paused(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  });
}
