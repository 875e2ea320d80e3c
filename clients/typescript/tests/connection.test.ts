import { afterEach, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { Layerscope, LayerscopeError, Overloaded, RateLimited, Unavailable, Unreachable } from "../src/index.ts";

const url = inject("url");

function problem(code: string, status: number, headers: Record<string, string> = {}): Response {
  const document = { type: `urn:layerscope:error:${code}`, title: "T", status, detail: "D", instance: "/", code };
  return Response.json({ ...document, request_id: "r1", errors: [] }, { status, headers });
}

/** A client whose requests get these responses, one after the other; and what it asked for. */
function scripted(...responses: Response[]) {
  const asked: [string, RequestInit][] = [];
  const fetch = async (address: string, init: RequestInit) => {
    asked.push([address, init]);
    return responses.shift() ?? Response.error();
  };
  return { ls: new Layerscope("http://host/behind/", { key: "secret", fetch }), asked };
}

describe("the id of a document", () => {
  const layers = [{ type: "Dense", units: 2 }] as const;
  const reply = (id: string) => Response.json({ layers: [] }, { headers: { "X-Layerscope-Model": id } });
  const sent = (asked: [string, RequestInit][]) =>
    asked.map(([, init]) => new Headers(init.headers).get("X-Layerscope-Model"));

  test("is sent back with equal documents, by every verb", async () => {
    const { ls, asked } = scripted(reply("sha256:1"), reply("sha256:1"), reply("sha256:2"), reply("sha256:1"));
    const document = { input: [2], layers };
    await ls.model(document).activations([[1, 2]], { format: "json" });
    await ls.model({ ...document }).plan();
    await ls.model({ ...document, seed: 7 }).plan();
    await ls.model(document).diagnose([[1, 2]]);
    expect(sent(asked)).toEqual([null, "sha256:1", null, "sha256:1"]);
  });

  test("is kept for the latest 32, and for none that is registered", async () => {
    const { ls, asked } = scripted(...Array.from({ length: 36 }, (_, number) => reply(`sha256:${number}`)));
    for (let seed = 0; seed < 33; seed += 1) await ls.model({ input: [2], layers, seed }).plan();
    await ls.model({ input: [2], layers, seed: 1 }).plan();
    await ls.model({ input: [2], layers, seed: 0 }).plan();
    await ls.model("digits").plan();
    expect(sent(asked).slice(33)).toEqual(["sha256:1", null, null]);
  });
});

describe("a busy service", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("is asked twice more, after the seconds that it names", async () => {
    const { ls, asked } = scripted(
      problem("rate_limited", 429, { "Retry-After": "2" }),
      problem("overloaded", 503, { "Retry-After": "5" }),
      Response.json({ models: [] }),
    );
    const models = ls.models();
    await vi.advanceTimersByTimeAsync(1999);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await models).toEqual({ models: [] });
  });

  test("is an error after three tries, of the class of its code", async () => {
    const { ls, asked } = scripted(...[1, 2, 3].map(() => problem("overloaded", 503, { "Retry-After": "1" })));
    const outcome = ls.models().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(2000);
    const error = await outcome;
    expect(error).toBeInstanceOf(Overloaded);
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ status: 503, retryAfter: 1, requestId: "r1", name: "overloaded" });
    expect(asked).toHaveLength(3);
  });

  test.each([undefined, "600"])("is an error at once where it says Retry-After: %s", async (after) => {
    const { ls, asked } = scripted(problem("rate_limited", 429, after === undefined ? {} : { "Retry-After": after }));
    await expect(ls.models()).rejects.toBeInstanceOf(RateLimited);
    expect(asked).toHaveLength(1);
  });

  test("is not waited for once the signal is aborted", async () => {
    const { ls, asked } = scripted(problem("overloaded", 503, { "Retry-After": "9" }));
    const control = new AbortController();
    const outcome = ls.models({ signal: control.signal }).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10);
    control.abort(new Error("enough"));
    expect(await outcome).toEqual(new Error("enough"));
    expect([asked.length, vi.getTimerCount()]).toEqual([1, 0]);
  });
});

describe("requests", () => {
  test("go below the path of the service, with its key", async () => {
    const { ls, asked } = scripted(Response.json({}), Response.json({}));
    await ls.get("a b/c");
    await ls.model({ layers: [] } as never).plan({ batch: 2 });
    expect(asked.map(([address]) => address)).toEqual([
      "http://host/behind/v1/models/a%20b%2Fc",
      "http://host/behind/v1/plan",
    ]);
    expect(asked[0]?.[1].headers).toEqual({ Accept: "application/json", Authorization: "Bearer secret" });
    expect(asked[1]?.[1].body).toBe('{"batch":2,"model":{"layers":[]}}');
  });

  test("to where nothing answers say so", async () => {
    const error = await new Layerscope("http://127.0.0.1:1").models().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Unreachable);
    expect((error as Unreachable).cause).toBeInstanceOf(TypeError);
  });

  test("that a proxy answers are errors with its words", async () => {
    const { ls } = scripted(new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway" }));
    const error = await ls.models().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LayerscopeError);
    expect(error).toMatchObject({ status: 502, code: "foreign", message: "502 Bad Gateway: <h1>Bad gateway</h1>" });
  });

  test("are given up with their signal, in the middle of a stream, too", async () => {
    const ls = new Layerscope(url);
    const control = new AbortController();
    const stream = await ls
      .model({ input: [2], layers: [{ type: "Flatten" }, { type: "Dense", units: 3 }] })
      .activations([[1, 2]], { format: "jsonl", signal: control.signal });
    control.abort();
    await expect(stream.layers.next()).rejects.toMatchObject({ name: "AbortError" });
    await expect(ls.models({ signal: control.signal })).rejects.toMatchObject({ name: "AbortError" });
  });

  test("for inputs without a shape are refused before they are sent", async () => {
    const { ls, asked } = scripted();
    const model = ls.model("mine");
    await expect(model.activations(new Float32Array(4) as never)).rejects.toThrow("shape");
    await expect(model.activations({ shape: [1, 5], data: new Float32Array(4) })).rejects.toThrow(
      "expected 1 × 5 values",
    );
    expect(asked).toHaveLength(0);
  });
});

describe("streams", () => {
  test.each([1, 1000])("have each line, in pieces of %i bytes, and end with the reply's own error", async (size) => {
    const text = '{"model":{"name":"ä"}}\n{"address":"a"}\n{"error":{"code":"engine_lost","status":503,"errors":[]}}\n';
    const bytes = new TextEncoder().encode(text);
    const body = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const { ls } = scripted(new Response(body));
    const stream = await ls.model("mine").activations([[1]], { format: "jsonl" });
    expect(stream.head.model.name).toBe("ä");
    expect(await stream.layers.next()).toEqual({ done: false, value: { address: "a" } });
    await expect(stream.layers.next()).rejects.toMatchObject({ code: "engine_lost", status: 503 });
  });

  test("that are left end their request", async () => {
    const cancelled = vi.fn();
    const line = new TextEncoder().encode('{"address":"a"}\n');
    const body = new ReadableStream({ pull: (controller) => controller.enqueue(line), cancel: cancelled });
    const { ls } = scripted(new Response(body));
    const stream = await ls.model("mine").activations([[1]], { format: "jsonl" });
    for await (const _ of stream.layers) break;
    expect(cancelled).toHaveBeenCalledOnce();
  });
});
