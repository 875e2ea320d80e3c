import { defineConfig } from "vitest/config";

export default defineConfig({ test: { projects: ["clients/typescript", "web"] } });
