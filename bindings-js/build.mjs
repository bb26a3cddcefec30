// Everything after Rust: optimise the engine, pack it, put it into the entries, bundle, write the types, print sizes. Run
// by the build of the repository; needs wasm/pkg, the module
// and its glue as wasm-bindgen writes them for bundlers.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { deflateRawSync, gzipSync } from "node:zlib";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { build, transform } from "esbuild";

const here = new URL("./", import.meta.url);
const at = (path) => new URL(path, here).pathname;
const tsc = (...args) =>
  execFileSync(process.execPath, [at("node_modules/typescript/bin/tsc"), ...args], {
    stdio: ["ignore", "inherit", "inherit"],
  });
const tool = (name, ...args) =>
  execFileSync(at(`node_modules/.bin/${name}`), args, { stdio: ["ignore", "inherit", "inherit"] });

/** How a CommonJS file names its own place, by its loader. A page has none of Node's modules: there it is the page's. */
const URLS = {
  file: 'const __url = require("node:url").pathToFileURL(__filename).href;',
  slim: "const __url = globalThis.location?.href;",
};

const WORK = at(".build");
const DIST = at("dist");

mkdirSync(WORK, { recursive: true });
rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);

const wasm = kept("engine.wasm", "wasm/pkg/engine_bg.wasm", optimised);
const packed = deflateRawSync(wasm, { level: 9, memLevel: 9 });

const shared = {
  bundle: true,
  platform: "neutral",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  plugins: [virtual()],
  external: ["*.wasm", "*.wasm?module", "node:*"],
};
const browsers = { browser: "browser", "axios.browser": "axios-browser" };
await entries("inline", { index: "inline", undici: "undici", axios: "axios", ...browsers }, true);
await entries("file", { node: "file", "undici.node": "undici", "axios.node": "axios" }, true);
await entries("slim", { slim: "slim", "slim.browser": "slim-browser" }, true);
await entries("workerd", { workerd: "workerd", "axios.workerd": "axios" }, false);
await entries("edge-light", { "edge-light": "edge-light", "axios.edge-light": "axios" }, false);
// What the package's own tests look into; not published.
await build({ ...shared, entryPoints: [at("test/internal.ts")], format: "esm", outfile: `${WORK}/internal.js` });
writeFileSync(`${DIST}/engine.wasm`, wasm);
types();
await sizes();

/**
 * Entries with one way to load the engine: they share it, and everything else that they have in common, as chunks. The
 * CommonJS twins are the same files in the other form (esbuild splits modules only).
 */
async function entries(loader, files, commonJs) {
  const entryPoints = Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, at(`src/load/${file}.ts`)]),
  );
  const plugins = [...shared.plugins, loadedBy(loader)];
  const options = { ...shared, plugins, entryPoints, outdir: DIST, format: "esm", splitting: true, metafile: true };
  const { metafile } = await build({ ...options, chunkNames: "[name]-[hash]" });
  if (!commonJs) return;
  for (const path of Object.keys(metafile.outputs)) {
    const { code } = await transform(readFileSync(path, "utf8"), {
      format: "cjs",
      platform: "node",
      target: "es2022",
      charset: "utf8",
      // What a module calls its own place.
      define: { "import.meta.url": "__url" },
      ...(readFileSync(path, "utf8").includes("import.meta.url") ? { banner: URLS[loader] } : {}),
    });
    writeFileSync(`${path.slice(0, -3)}.cjs`, code.replaceAll(/(require\("\.\/[^"]*)\.js"/g, '$1.cjs"'));
  }
}

/** An entry beside the main one asks for the default loader; each build puts its own there. */
function loadedBy(loader) {
  return {
    name: "loaded-by",
    setup(bundle) {
      bundle.onResolve({ filter: /^\.\/inline\.js$/ }, () => ({ path: at(`src/load/${loader}.ts`) }));
    },
  };
}

/** What takes seconds to make is kept as long as its input and this recipe stay the same. */
function kept(name, path, make) {
  const input = at(path);
  return keptOf(name, [input, at("build.mjs")], () => make(input));
}

function keptOf(name, inputs, make) {
  const hash = createHash("sha256");
  for (const part of inputs) hash.update(readFileSync(part));
  const output = `${WORK}/${hash.digest("hex").slice(0, 16)}-${name}`;
  if (!existsSync(output)) {
    for (const old of readdirSync(WORK)) if (old.endsWith(`-${name}`)) rmSync(`${WORK}/${old}`);
    writeFileSync(output, make());
  }
  return readFileSync(output);
}

function optimised(input) {
  const output = `${WORK}/optimised.wasm`;
  // The module's target_features section switches on what Rust used; nothing else is needed. Nothing lives in the first
  // 1024 bytes (the stack ends there). A function with one caller packs better where it is. What went through a flat form
  // comes out smaller, and the order of the linker packs best.
  const assumed = ["--strip-producers", "--low-memory-unused", "--one-caller-inline-max-function-size=0"];
  tool("wasm-opt", ...assumed, "--flatten", "--rereloop", "-O2", "-Oz", "--strip-target-features", input, "-o", output);
  return readFileSync(output);
}

/**
 * The glue of wasm-bindgen as a function: it makes a TextDecoder when it is loaded, which some test environments lack, and
 * an import must do nothing.
 */
function glue() {
  const names = [];
  const inside = readFileSync(at("wasm/pkg/engine_bg.js"), "utf8").replaceAll(
    /^export (class|function) (\w+)/gm,
    (_, kind, name) => {
      names.push(name);
      return `${kind} ${name}`;
    },
  );
  return `export function loadGlue() {\n${inside}\nreturn { ${names.join(", ")} };\n}`;
}

function virtual() {
  const contents = {
    "unruffled:glue": glue(),
    "unruffled:wasm": `
      export const size = ${wasm.length};
      export const packed = "${packed.toString("base64")}";`,
  };
  return {
    name: "virtual",
    setup(bundle) {
      bundle.onResolve({ filter: /^unruffled:/ }, ({ path }) => ({ path, namespace: "virtual", sideEffects: false }));
      bundle.onLoad({ filter: /.*/, namespace: "virtual" }, ({ path }) => ({
        contents: contents[path],
        loader: "js",
      }));
    },
  };
}

/** One declaration file an entry, in both module formats; the same text is in api/, which a test compares. */
function types() {
  const folder = `${WORK}/types`;
  rmSync(folder, { recursive: true, force: true });
  tsc("-p", at("tsconfig.json"), "--outDir", folder);
  copyFileSync(at("src/load/virtual.d.ts"), `${WORK}/virtual.d.ts`);
  const own = { index: "load/inline", undici: "under/undici/index", axios: "under/axios/index", init: "load/init" };
  const make = () => Object.fromEntries(Object.entries(own).map(([name, entry]) => [name, rolledUp(name, entry)]));
  const declared = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith(".d.ts"));
  const inputs = [...declared.sort().map((path) => `${folder}/${path}`), at("package-lock.json"), at("build.mjs")];
  const texts = JSON.parse(keptOf("types.json", inputs, () => JSON.stringify(make())));
  // The same classes as those of the main entry, not others that look alike.
  const slim = `export * from "./index.js";\n\n${texts.init}`;
  for (const [name, text] of Object.entries({ index: texts.index, slim, undici: texts.undici, axios: texts.axios })) {
    // Generic since TypeScript 5.7; this is the same type there, and the plain one before.
    const plain = text.replaceAll("Uint8Array<ArrayBuffer>", 'ReturnType<Uint8Array["slice"]>');
    writeFileSync(`${DIST}/${name}.d.ts`, plain);
    writeFileSync(`${DIST}/${name}.d.cts`, plain.replaceAll(/(from "\.[^"]*)\.js"/g, '$1.cjs"'));
  }
}

/** The declarations that an entry's users need, as one file. */
function rolledUp(name, entry) {
  const output = `${WORK}/${name}.d.ts`;
  const compilerOptions = {
    target: "ES2022",
    module: "ESNext",
    moduleResolution: "bundler",
    lib: ["ES2022", "ESNext.Disposable", "DOM", "DOM.Iterable", "WebWorker.ImportScripts"],
    types: [],
    strict: true,
  };
  const silent = { default: { logLevel: "none" } };
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: at("."),
      mainEntryPointFilePath: `${WORK}/types/${entry}.d.ts`,
      compiler: { overrideTsconfig: { compilerOptions, files: [`${WORK}/types/${entry}.d.ts`] } },
      apiReport: { enabled: false },
      docModel: { enabled: false },
      tsdocMetadata: { enabled: false },
      dtsRollup: { enabled: true, untrimmedFilePath: output },
      messages: { extractorMessageReporting: silent, tsdocMessageReporting: silent },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: at("package.json"),
  });
  const messageCallback = (message) => {
    message.handled = message.logLevel !== "error";
  };
  if (!Extractor.invoke(config, { localBuild: true, messageCallback }).succeeded) throw new Error(`${name}.d.ts`);
  return readFileSync(output, "utf8");
}

async function sizes() {
  const bundled = await build({
    ...shared,
    entryPoints: [at("src/load/browser.ts")],
    format: "esm",
    minify: true,
    write: false,
  });
  const K = (bytes) => `${(bytes / 1000).toFixed(1)} K`;
  const entry = bundled.outputFiles[0].contents;
  const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;
  console.log(`engine.wasm ${K(wasm.length)}, gzip ${K(gzip(wasm))}, packed ${K(packed.length)}`);
  console.log(`entry min ${K(entry.length)}, min+gzip ${K(gzip(entry))}`);
}
