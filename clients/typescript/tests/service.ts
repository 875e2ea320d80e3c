/** The service that the tests ask: that of `SERVICE_URL`, or one of this checkout, started for them. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

const ROOT = new URL("../../..", import.meta.url).pathname;
const START_SECONDS = 150;

declare module "vitest" {
  interface ProvidedContext {
    url: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = process.env["SERVICE_URL"];
  if (running !== undefined) {
    project.provide("url", running);
    return async () => {};
  }
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), "layerscope-"))];
  const url = `http://127.0.0.1:${port}`;
  const options = ["--port", String(port), "--data-dir", folder, "--queue-seconds", "60"];
  const service = spawn(join(ROOT, ".venv/bin/layerscope"), ["serve", ...options], { cwd: ROOT, stdio: "inherit" });
  await ready(url, service);
  project.provide("url", url);
  return async () => {
    const ended = new Promise((resolve) => service.once("exit", resolve));
    service.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true });
  };
}

async function ready(url: string, service: ChildProcess): Promise<void> {
  for (let tries = 0; tries < START_SECONDS * 4; tries += 1) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    if (response?.ok) return;
    if (service.exitCode !== null) throw new Error(`the service ended with ${service.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  service.kill();
  throw new Error(`the service was not ready after ${START_SECONDS} s`);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
