/** NumPy, safetensors and Keras, with which files and numbers are compared. */

import { execFileSync } from "node:child_process";

const ROOT = new URL("../../..", import.meta.url).pathname;

/** What a program prints, as JSON. */
export function python(program: string, ...args: string[]): unknown {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3" };
  return JSON.parse(execFileSync(`${ROOT}.venv/bin/python`, ["-c", program, ...args], { env, cwd: ROOT }).toString());
}
