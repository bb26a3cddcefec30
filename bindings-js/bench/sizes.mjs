// Bytes: the entry and what peers bundle to (minified, with gzip and brotli), the engine, the npm tarball. Prints one JSON
// object per figure.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { figure } from "./shared/figures.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const version = (name) => JSON.parse(readFileSync(here(`node_modules/${name}/package.json`), "utf8")).version;

/** What a browser would load: everything that one line of use pulls in. */
async function bundled(code) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: here("."), loader: "js" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    logLevel: "error",
    external: ["events"],
  });
  return outputFiles[0].contents;
}

function put(row, bytes) {
  const K = (size) => size / 1000;
  const table = "npm: size of what is loaded";
  figure(table, row, "minified or raw", K(bytes.length), "kB");
  figure(table, row, "gzip", K(gzipSync(bytes, { level: 9 }).length), "kB");
  figure(table, row, "brotli", K(brotliCompressSync(bytes).length), "kB");
}

const used = (names, from) => `import { ${names} } from "${from}"; globalThis.used = [${names}];`;
const whole = (from) => `import used from "${from}"; globalThis.used = used;`;

put("unruffled, everything", await bundled(`export * from "../dist/index.js";`));
put("unruffled, createFetch alone", await bundled(used("createFetch", "../dist/index.js")));
put("unruffled/slim, without its engine", await bundled(`export * from "../dist/slim.js";`));
put(
  "unruffled/slim, createFetch alone, without its engine",
  await bundled(used("createFetch, init", "../dist/slim.js")),
);
put("unruffled/engine.wasm", readFileSync(here("../dist/engine.wasm")));

const cockatiel =
  "wrap, retry, circuitBreaker, handleAll, ExponentialBackoff, SamplingBreaker, timeout, TimeoutStrategy";
const PEERS = {
  ky: whole("ky"),
  "p-retry": whole("p-retry"),
  ofetch: used("createFetch", "ofetch"),
  cockatiel: used(cockatiel, "cockatiel"),
  opossum: whole("opossum"),
  axios: whole("axios"),
  openai: whole("openai"),
};
for (const [name, code] of Object.entries(PEERS)) put(`${name} ${version(name)}`, await bundled(code));
put(
  `ky ${version("ky")} + cockatiel ${version("cockatiel")}`,
  await bundled(`${whole("ky")} import { ${cockatiel} } from "cockatiel"; globalThis.also = [${cockatiel}];`),
);
put(
  `axios ${version("axios")} + axios-retry ${version("axios-retry")}`,
  await bundled(`${whole("axios")} import retry from "axios-retry"; globalThis.also = retry;`),
);
put(
  `Octokit core ${version("@octokit/core")} + retry ${version("@octokit/plugin-retry")}`,
  await bundled(
    `${used("Octokit", "@octokit/core")} import { retry } from "@octokit/plugin-retry"; globalThis.also = retry;`,
  ),
);

const pack = ["pack", "--dry-run", "--json", "--silent"];
const [{ size, unpackedSize, entryCount }] = JSON.parse(
  execFileSync("npm", pack, { cwd: here(".."), encoding: "utf8" }),
);
figure("npm: the package", "unruffled", "tarball", size / 1000, "kB");
figure("npm: the package", "unruffled", "unpacked", unpackedSize / 1000, "kB");
figure("npm: the package", "unruffled", "files", entryCount, "");
