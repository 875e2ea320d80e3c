import { defineConfig } from "vite";

const SERVICE = process.env["SERVICE_URL"] ?? "http://127.0.0.1:8000";

/** Built into the service, which serves it under `/` with hashed names under `assets/`; `vite dev` asks the service. */
export default defineConfig({
  publicDir: false, // only hashed files are served: import one with `?url` instead
  base: "./", // relative: the service may be behind a proxy that adds a path
  resolve: { alias: { layerscope: new URL("../clients/typescript/src/index.ts", import.meta.url).pathname } },
  build: {
    outDir: "../service/web",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the page's policy allows no data: scripts, fonts or workers
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
  server: { proxy: Object.fromEntries(["/v1", "/healthz", "/readyz", "/version"].map((path) => [path, SERVICE])) },
});
