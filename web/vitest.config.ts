import { defineConfig } from "vitest/config";
import vite from "./vite.config.ts";

/** Logic alone; what needs a browser is tested in one, in tests/browser. */
export default defineConfig({
  resolve: { ...vite.resolve },
  test: { name: "web", include: ["tests/**/*.test.ts"] },
});
