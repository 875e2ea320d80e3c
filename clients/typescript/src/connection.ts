/** Requests to one service: its address, the key, further tries, and errors read from replies. */

import { errorIn } from "./error_classes.ts";
import { Unreachable } from "./errors.ts";

const TRIES = 3;
const MAX_WAIT_SECONDS = 30;
/** The id of a document in the request: a proxy that hashes it sends equal ones to the instance that has built it. */
const MODEL_HEADER = "X-Layerscope-Model";
const MAX_IDS = 32;
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
  /** The text of the document in the body, whose id is kept and sent with it from then on. */
  readonly document?: string | undefined;
  /** Statuses that are replies, though they are no success. */
  readonly expected?: readonly number[];
}

export class Connection {
  readonly #base: string;
  readonly #key: string | undefined;
  readonly #fetch: Fetch;
  /** Ids by the text of the document, the latest used last. */
  readonly #ids = new Map<string, string>();

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

  async #once(address: string, { method = "GET", accept, body, signal, document }: Request): Promise<Response> {
    const headers: Record<string, string> = {};
    const id = document === undefined ? undefined : this.#ids.get(document);
    if (id !== undefined) headers[MODEL_HEADER] = id;
    if (accept !== undefined) headers["Accept"] = accept;
    if (this.#key !== undefined) headers["Authorization"] = `Bearer ${this.#key}`;
    if (typeof body === "string") headers["Content-Type"] = "application/json";
    try {
      const response = await this.#fetch(address, { method, headers, body: body ?? null, signal: signal ?? null });
      this.#keepId(document, response.headers.get(MODEL_HEADER));
      return response;
    } catch (error) {
      throw error instanceof TypeError && !signal?.aborted ? new Unreachable(address, error) : error;
    }
  }

  #keepId(document: string | undefined, id: string | null): void {
    if (document === undefined || id === null) return;
    this.#ids.delete(document);
    this.#ids.set(document, id);
    const [oldest] = this.#ids.keys();
    if (this.#ids.size > MAX_IDS && oldest !== undefined) this.#ids.delete(oldest);
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
