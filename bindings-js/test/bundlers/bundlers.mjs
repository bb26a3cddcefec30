// Calls each bundler, with the settings of the manual's page "The slim entry" and no others.

import { execFile } from "node:child_process";
import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { importMetaAssets } from "@web/rollup-plugin-import-meta-assets";
import { build as esbuild } from "esbuild";
import { rollup } from "rollup";
import { createServer, build as vite } from "vite";
import webpack from "webpack";

/** By name: a function that puts page, script and engine of `folder` into `output`. */
export const BUNDLERS = {
  vite: ({ folder, output }) => vite({ root: folder, logLevel: "error", build: { outDir: output } }),

  webpack: async ({ main, page, folder, output }) => {
    const made = webpack({ mode: "production", context: folder, entry: main, output: { path: output } });
    const stats = await new Promise((resolve, reject) => {
      made.run((error, stats) => (error ? reject(error) : resolve(stats)));
    });
    await new Promise((resolve) => made.close(resolve));
    if (stats.hasErrors()) throw new Error(stats.toString());
    copyFileSync(page, `${output}/index.html`);
  },

  esbuild: async ({ main, page, folder, output }) => {
    await esbuild({ entryPoints: [main], outdir: output, bundle: true, minify: true, format: "esm" });
    copyFileSync(`${folder}/node_modules/unruffled/dist/engine.wasm`, `${output}/engine.wasm`);
    copyFileSync(page, `${output}/index.html`);
  },

  rollup: async ({ main, page, output }) => {
    const made = await rollup({ input: main, plugins: [nodeResolve({ browser: true }), importMetaAssets()] });
    await made.write({ dir: output, format: "es" });
    copyFileSync(page, `${output}/index.html`);
  },

  parcel: async ({ folder, output }) => {
    const program = fileURLToPath(new URL("node_modules/parcel/lib/bin.js", import.meta.url));
    const args = [program, "build", "index.html", "--dist-dir", output, "--no-cache", "--no-source-maps"];
    await promisify(execFile)(process.execPath, args, { cwd: folder });
  },
};

/** Starts Vite's development server, with a function that answers the page's calls. */
export async function developed(root, answers) {
  const api = {
    name: "api",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        if (!answers(request, response)) next();
      });
    },
  };
  const server = await createServer({ root, logLevel: "error", plugins: [api], server: { host: "127.0.0.1" } });
  await server.listen(0);
  return { address: server.resolvedUrls.local[0], stop: () => server.close() };
}
