import { defineConfig } from "vitest/config";

/** Tests of what the page computes; what it shows is tested in a browser, by tests/browser. */
export default defineConfig({
  resolve: { alias: { layerscope: new URL("../clients/typescript/src/index.ts", import.meta.url).pathname } },
  test: { name: "page", include: ["tests/**/*.test.ts"] },
});
