import { defineConfig } from "vitest/config";

/** Tests ask a real service, which `tests/service.ts` starts; one engine is enough for all of them. */
export default defineConfig({
  test: {
    name: "client",
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/service.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
  },
});
