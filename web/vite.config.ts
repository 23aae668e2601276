import { defineConfig } from "vite";

// Where `npm run dev` finds an API: `COLLECTOR=http://127.0.0.1:8900 npm run dev`.
const api = process.env.COLLECTOR ?? "http://127.0.0.1:8900";

export default defineConfig({
  base: "/ui/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    // dist keeps its .gitignore: cargo watches the folder, which therefore must always be there.
    emptyOutDir: false,
    // The content security policy allows no data: scripts or styles, and images are few.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "^/(?!ui/)": { target: api, changeOrigin: true } } },
});
