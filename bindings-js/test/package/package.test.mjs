// The package as users install it: both module formats, the slim entry, programs that end in time, no work at import, the
// examples.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { serving } from "../kit.js";

const folder = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** Runs a program's text in the package's folder. Returns what it printed. */
async function program(text, format = "module", env = {}) {
  const args = [`--input-type=${format}`, "-e", text];
  const { stdout } = await run(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    timeout: 20_000,
  });
  return stdout.trim();
}

describe("entries", () => {
  const use = `.createClient("https://a.example", { fetch: async () => new Response('{"ok":true}') }).get("/x").json().then((v) => console.log(v.ok))`;

  it("ESM and CJS", async () => {
    assert.equal(await program(`import * as u from "unruffled"; u${use}`), "true");
    assert.equal(await program(`const u = require("unruffled"); u${use}`, "commonjs"), "true");
  });

  it("Node reads the engine from its file, a bundle for Node carries it", async () => {
    const entry = await program(`console.log(import.meta.resolve("unruffled"))`);
    assert.match(entry, /dist\/node\.js$/);
    assert.ok(!readFileSync(new URL(entry), "utf8").includes("atob("));
    const contents = `import * as u from "unruffled"; u${use}`;
    const stdin = { contents, resolveDir: folder, loader: "js" };
    for (const format of ["esm", "cjs"]) {
      const how = { bundle: true, write: false, platform: "node", format, legalComments: "none" };
      const { outputFiles } = await build({ stdin, ...how });
      const file = `${mkdtempSync(`${tmpdir()}/bundle-`)}/it.${format === "esm" ? "mjs" : "cjs"}`;
      writeFileSync(file, outputFiles[0].text);
      assert.equal((await run(process.execPath, [file])).stdout.trim(), "true");
    }
  });

  it("slim, with bytes and with a module; without init it says what to do", async () => {
    const bytes = `require("fs").readFileSync(require.resolve("unruffled/engine.wasm"))`;
    for (const source of [bytes, `new WebAssembly.Module(${bytes})`]) {
      assert.equal(
        await program(`const u = require("unruffled/slim"); u.init(${source}); u${use}`, "commonjs"),
        "true",
      );
    }
    const asked = `try { require("unruffled/slim").createClient("https://a.example") } catch (e) { console.log(e.message) }`;
    assert.match(await program(asked, "commonjs"), /init\(\)/);
  });

  it("slim, with an answer that brings the engine, and without one", async () => {
    const load = `
      import { readFileSync } from "node:fs";
      import * as u from "unruffled/slim";
      const bytes = readFileSync(new URL(import.meta.resolve("unruffled/engine.wasm")));`;
    const answer = (type) => `Promise.resolve(new Response(bytes, { headers: { "content-type": "${type}" } }))`;
    assert.equal(await program(`${load} await u.init(${answer("application/wasm")}); u${use}`), "true");
    const fails = ".catch((e) => console.log(e.name))";
    assert.equal(await program(`${load} await u.init(${answer("text/plain")})${fails}`), "TypeError");
    assert.equal(await program(`${load} await u.init()${fails}`), "TypeError");
    const lacking = "delete globalThis.WebAssembly; await u.init()";
    assert.equal(await program(`${load} ${lacking}${fails}`), "NotSupportedError");
  });

  it("importing compiles nothing and needs no TextDecoder", async () => {
    const text = `
      delete globalThis.TextDecoder; delete globalThis.TextEncoder; delete globalThis.WebAssembly;
      await import("unruffled"); console.log("imported");`;
    assert.equal(await program(text), "imported");
  });

  it("adapters, ESM and CJS, need neither their client nor an engine of their own", async () => {
    const use = `
      const fails = (_, handler) => { handler.onResponseError(null, new Error("x")); return false };
      const call = u.createInterceptor({ retry: { attempts: 1 } })(fails);
      call({ origin: "https://a.example", path: "/", method: "GET" }, { onRequestStart() {}, onResponseError: (_, e) => console.log(e.message) });
      class AxiosError extends Error {}
      const headers = { has: () => false };
      const adapter = a.createAdapter({ AxiosError, defaults: {}, getAdapter: () => async () => ({ status: 204 }) }, {});
      const answered = adapter({ url: "https://a.example", headers }).then(({ status }) => console.log(status));
      const closed = a.createAdapter({ AxiosError, defaults: {}, getAdapter: () => fails }, {});
      closed.close();
      const refused = () => closed({ url: "https://a.example", headers });
      answered.then(refused).catch((e) => console.log(e.cause.constructor === m.CallError));`;
    const modules = `import * as m from "unruffled"; import * as u from "unruffled/undici"; import * as a from "unruffled/axios";`;
    const commons = modules.replaceAll(/import \* as (\w) from ("[^"]*");/g, "const $1 = require($2);");
    assert.equal(await program(modules + use), "204\nx\ntrue");
    assert.equal(await program(commons + use, "commonjs"), "204\nx\ntrue");
    const { size } = statSync(`${folder}dist/engine.wasm`);
    for (const entry of ["undici", "axios", "axios.workerd", "axios.edge-light"]) {
      assert.ok(statSync(`${folder}dist/${entry}.js`).size < size / 5, entry);
    }
  });

  it("no file has a source of its own to evaluate or names a path", () => {
    for (const file of readdirSync(`${folder}dist`).filter((file) => /\.c?js$/.test(file))) {
      const text = readFileSync(`${folder}dist/${file}`, "utf8");
      assert.doesNotMatch(text, /\beval\(|new Function/, file);
      assert.ok(!text.includes(folder), file);
    }
  });
});

describe("size", () => {
  /** Returns the bytes that a browser loads for one line of use, minified and after gzip. */
  async function loaded(names, from) {
    const contents = `import { ${names} } from "${from}"; globalThis.used = [${names}];`;
    const stdin = { contents, resolveDir: folder, loader: "js" };
    const how = { bundle: true, minify: true, write: false, format: "esm", legalComments: "none" };
    const { outputFiles } = await build({ stdin, platform: "browser", target: "es2022", ...how });
    return gzipSync(outputFiles[0].contents, { level: 9 }).length;
  }

  it("createFetch alone brings the engine and little else", async () => {
    assert.ok((await loaded("createFetch", "unruffled")) <= 95_000);
    assert.ok((await loaded("createFetch, init", "unruffled/slim")) <= 20_200);
  });
});

describe("programs end", () => {
  it("a client that is not used does not keep a process", async () => {
    const answer = (_, response) => response.end("{}");
    await serving(answer, async (base) => {
      const start = performance.now();
      await program(`import { createClient } from "unruffled";
        const client = createClient(${JSON.stringify(base)});
        await client.get("/x").json(); process.exitCode = 0;
        setTimeout(() => process.exit(7), 8000).unref();`);
      assert.ok(performance.now() - start < 7000);
    });
  });

  it("a call that waits does keep it", async () => {
    let count = 0;
    const answer = (_, response) => {
      response.statusCode = ++count === 1 ? 503 : 200;
      response.setHeader("connection", "close");
      response.end('{"ok":true}');
    };
    const printed = await serving(answer, (base) =>
      program(`import { createClient } from "unruffled";
        console.log((await createClient(${JSON.stringify(base)}).get("/x").json()).ok);`),
    );
    assert.equal(printed, "true");
  });

  it("a response that is let go unread is forgotten by the caller's signal", async () => {
    const printed = await program(
      `
      import { createClient } from "unruffled";
      const controller = new AbortController();
      let listeners = 0;
      const { signal } = controller;
      const { addEventListener, removeEventListener } = signal;
      signal.addEventListener = (...given) => (listeners++, addEventListener.apply(signal, given));
      signal.removeEventListener = (...given) => (listeners--, removeEventListener.apply(signal, given));
      const client = createClient("https://a.example", { fetch: async () => new Response("x".repeat(1000)) });
      for (let i = 0; i < 100; i++) await client.stream("GET", "/x", { signal });
      for (let i = 0; i < 20 && listeners > 0; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)); }
      console.log(listeners);`.replace(
        "import {",
        "import v8 from 'node:v8'; import vm from 'node:vm'; v8.setFlagsFromString('--expose-gc'); const gc = vm.runInNewContext('gc'); import {",
      ),
    );
    assert.equal(printed, "0");
  });
});

describe("examples", () => {
  const orders = () => {
    const seen = new Map();
    return (request, response) => {
      const { pathname } = new URL(request.url, "http://x");
      const count = (seen.get(pathname) ?? 0) + 1;
      seen.set(pathname, count);
      if (pathname === "/orders/7" && count === 1) return response.writeHead(503).end();
      const body = pathname === "/orders" && request.method === "GET" ? [1, 2] : { id: 7, sku: "a1" };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
  };

  it("the quick start and the drop-in do what they say", async () => {
    await serving(orders(), async (base) => {
      const env = { ...process.env, ORDERS_URL: base, ORDERS_TOKEN: "t" };
      const { stdout } = await run(process.execPath, ["examples/quickstart.mjs"], { cwd: folder, env });
      assert.match(stdout, /order a1\n200 2\n1 attempt/);
    });
    await serving(orders(), async (base) => {
      const { stdout } = await run(process.execPath, ["examples/dropin.mjs"], {
        cwd: folder,
        env: { ...process.env, ORDERS_URL: base },
      });
      assert.equal(stdout, "order a1\n");
    });
  });

  it("the demo client prints lines of JSON and a last one with everything", async () => {
    await serving(orders(), async (base) => {
      const policy = `${folder}test/types/empty.policy.json`;
      const args = ["--url", base, "--policy", policy, "--rate", "50", "--seconds", "1", "--writes", "0.2"];
      const { stdout } = await run(process.execPath, ["examples/demo.mjs", ...args], { cwd: folder });
      const lines = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      const last = lines.at(-1);
      assert.equal(last.done, true);
      assert.equal(last.calls, 50);
      assert.equal(last.ends.filter(([, , , kind]) => kind === "write").length, 10);
      assert.equal(last.latencies.length, 50);
      assert.ok(lines.length >= 3);
      assert.deepEqual(Object.keys(lines[0]), [
        "at",
        "calls",
        "succeeded",
        "failed",
        "attempts",
        "breaker",
        "tokens",
        "waiting",
        "inFlight",
      ]);
    });
  });
});
