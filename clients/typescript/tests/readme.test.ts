import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";

const PACKAGE = new URL("..", import.meta.url).pathname;
const README = readFileSync(join(PACKAGE, "README.md"), "utf8");

function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(
    (match) => match[1] as string,
  );
}

test("the README's code prints what the README says, with the package as it is built", () => {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: PACKAGE, stdio: "inherit" });
  const folder = mkdtempSync(join(PACKAGE, "dist", "readme-")); // below the package, whose name then means itself
  try {
    const program = blocks("ts").join("\n").replaceAll("http://127.0.0.1:8000", inject("url"));
    writeFileSync(join(folder, "readme.mts"), program);
    const printed = execFileSync(process.execPath, [join(folder, "readme.mts")], { encoding: "utf8" });
    expect(printed).toBe(blocks("text").join(""));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
