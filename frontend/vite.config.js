// Builds the pages' script and style into hashed files and a manifest that uploads/web/assets.py reads.
import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // addresses inside the style sheet are relative: the server decides where they hang
  publicDir: false,
  build: {
    outDir: "../uploads/static/dist",
    emptyOutDir: true,
    manifest: true,
    modulePreload: false,
    assetsInlineLimit: 0, // the content security policy allows no data: fonts
    rollupOptions: {
      input: "src/main.ts",
      checks: { bundlerTimings: false }, // says on a slow machine that the style takes longest: it does
    },
  },
  css: {
    preprocessorOptions: {
      scss: {
        // Bootstrap 5.3 is still written with @import; its own deprecations are not ours to read.
        quietDeps: true,
        silenceDeprecations: ["import", "global-builtin", "color-functions", "if-function"],
      },
    },
  },
});
