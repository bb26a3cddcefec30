// Measures with the Node that runs it; see ../start.mjs. Each sample is a process of its own: `start.mjs sample KIND`
// prints its figures as one JSON object.

import { spawnSync } from "node:child_process";
import { figureOfRounds } from "./figures.mjs";
import { column, quick } from "./nodes.mjs";

const SAMPLES = quick ? 2 : 15;
const old = Number(process.versions.node.split(".")[0]) < 22;
const IMPORTS = ["ky", "axios", "got", "openai", "cockatiel", "opossum", "p-retry", "ofetch", "@octokit/core"];
const TWO = ["ky", "got", "openai", "cockatiel", "opossum", "p-retry"];

/** A policy of about 200 lines when written as people write it: 30 routes, 8 limits. */
export function longPolicy() {
  const routes = {};
  for (let at = 0; at < 30; at++) {
    routes[`GET /v1/things${at}/{id}`] = {
      timeouts: { attempt: "5s" },
      retry: { attempts: 3, base: "100ms" },
      cost: { [`limit${at % 8}`]: 2 },
    };
  }
  const limits = Array.from({ length: 8 }, (_, at) => ({ name: `limit${at}`, rate: 100 + at, per: "1s", burst: 20 }));
  return {
    name: "orders",
    baseUrl: "https://api.example.com",
    timeouts: { attempt: "10s", idle: "10s", total: "60s" },
    retry: { attempts: 4, base: "200ms", cap: "30s" },
    breaker: { window: "30s" },
    idempotency: { header: "Idempotency-Key" },
    limits,
    routes,
  };
}

async function sampleOurs() {
  const answer = new Response("{}");
  await answer.text();
  const found = {};
  let at = performance.now();
  const lap = (name) => {
    const now = performance.now();
    found[name] = now - at;
    at = performance.now();
  };
  const { createClient } = await import("../../dist/index.js");
  lap("import");
  const client = createClient("https://api.example.com", { fetch: async () => new Response("{}") });
  lap("first client, wasm compiled and instantiated");
  await client.get("/x").json();
  lap("first call on a stub transport");
  await client.get("/x").json();
  lap("second call on a stub transport");
  const policy = longPolicy();
  at = performance.now();
  createClient(policy);
  lap("second client, a policy of 200 lines");
  return found;
}

/** The wasm alone: its bytes from the package, compiled, instantiated. */
async function sampleWasm() {
  const { readFileSync } = await import("node:fs");
  const bytes = readFileSync(new URL("../../dist/engine.wasm", import.meta.url));
  let at = performance.now();
  const module = new WebAssembly.Module(bytes);
  const compiled = performance.now() - at;
  const parts = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    parts[from] ??= {};
    parts[from][name] = kind === "function" ? () => {} : undefined;
  }
  at = performance.now();
  new WebAssembly.Instance(module, parts);
  return { "wasm: compile": compiled, "wasm: instantiate": performance.now() - at };
}

async function sampleImport(name) {
  const at = performance.now();
  await import(old && TWO.includes(name) ? `${name}-20` : name);
  return { import: performance.now() - at };
}

function samples(kind) {
  const all = {};
  for (let at = 0; at < SAMPLES; at++) {
    const { stdout, status, stderr } = spawnSync(process.execPath, [process.argv[1], "sample", kind], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    for (const [name, value] of Object.entries(JSON.parse(stdout))) {
      all[name] ??= [];
      all[name].push(value);
    }
  }
  return all;
}

if (process.argv[2] === "sample") {
  const kind = process.argv[3];
  const sample = kind === "ours" ? sampleOurs : kind === "wasm" ? sampleWasm : () => sampleImport(kind);
  console.log(JSON.stringify(await sample()));
} else {
  const put = (row, rounds) => figureOfRounds("Node: start, a fresh process each", row, column, rounds, "ms");
  for (const [name, values] of Object.entries({ ...samples("ours"), ...samples("wasm") }))
    put(`unruffled ${name}`, values);
  for (const name of IMPORTS) put(`${name} import`, samples(name).import);
}
