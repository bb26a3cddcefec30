// What a successful call costs over bare fetch: on a stub transport (batches of each kind in turn, lower quartile of the
// batches), on loopback (each call beside one of a bare client, in both orders, median of the differences, with a second
// bare client as the control), and the core's two crossings. Prints one table. `--json` prints the figures alone.

import { createServer } from "node:http";
import { createClient, createFetch } from "unruffled";
import { Core } from "../.build/internal.js";

const ROUNDS = 200;
const BATCH = 60;
const PAIRS = 3000;

/** Everything on: time limits, breaker, budget, a bucket with a rate too high to wait for. */
const policy = (baseUrl) => ({
  baseUrl,
  timeouts: { attempt: "10s", idle: "10s", total: "60s" },
  limits: [{ name: "core", rate: 1_000_000_000, per: "1s", headers: "x-ratelimit" }],
});

const body = JSON.stringify({ id: 7, sku: "a1", items: [1, 2, 3] });
const stub = async () => new Response(body, { headers: { "content-type": "application/json" } });

async function onStub() {
  const base = "https://api.example.com";
  const client = createClient(policy(base), { fetch: stub });
  const plain = createClient({ ...policy(base), requestId: false, userAgent: null }, { fetch: stub });
  const dropin = createFetch(policy(base), { fetch: stub });
  const signal = new AbortController().signal;
  const url = `${base}/orders/7`;
  const kinds = {
    bare: async () => (await stub(url)).json(),
    "get().json()": () => client.get("/orders/7").json(),
    "get().json(), no ids": () => plain.get("/orders/7").json(),
    "get() with a signal": () => client.get("/orders/7", { signal }).json(),
    "await get(), json()": async () => (await client.get("/orders/7")).json(),
    createFetch: async () => (await dropin(url)).json(),
    "createFetch with a signal": async () => (await dropin(url, { signal })).json(),
  };
  const times = new Map(Object.keys(kinds).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, call] of Object.entries(kinds)) {
      const start = performance.now();
      for (let i = 0; i < BATCH; i++) await call();
      times.get(name).push(((performance.now() - start) * 1000) / BATCH);
    }
  }
  const quartile = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 4)];
  const bare = quartile(times.get("bare"));
  return Object.fromEntries([...times].map(([name, list]) => [name, name === "bare" ? bare : quartile(list) - bare]));
}

async function onLoopback() {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${server.address().port}`;
  const client = createClient(policy(base));
  const dropin = createFetch(policy(base));
  const bare = async () => (await fetch(`${base}/orders/7`)).json();
  const kinds = {
    control: bare,
    "get().json()": () => client.get("/orders/7").json(),
    createFetch: async () => (await dropin(`${base}/orders/7`)).json(),
  };
  const timed = async (call) => {
    const start = performance.now();
    await call();
    return (performance.now() - start) * 1000;
  };
  const differences = new Map(Object.keys(kinds).map((name) => [name, []]));
  const alone = [];
  for (let i = 0; i < PAIRS; i++) {
    for (const [name, call] of Object.entries(kinds)) {
      const first = await timed(i % 2 === 0 ? bare : call);
      const second = await timed(i % 2 === 0 ? call : bare);
      if (i < PAIRS / 10) continue;
      differences.get(name).push(i % 2 === 0 ? second - first : first - second);
      alone.push(i % 2 === 0 ? first : second);
    }
  }
  server.close();
  server.closeAllConnections();
  const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
  return { bare: median(alone), ...Object.fromEntries([...differences].map(([name, list]) => [name, median(list)])) };
}

function crossings() {
  const core = Core.open(JSON.stringify(policy("https://api.example.com")), false);
  core.seed(1);
  const pairs = 200_000;
  const run = () => {
    const start = performance.now();
    for (let call = 0; call < pairs; call++) {
      core.begin(call, 0, 0, 0, 16, 0);
      core.respond(call, 0, 200);
    }
    return ((performance.now() - start) * 1e6) / pairs;
  };
  run();
  return Math.min(run(), run(), run());
}

const figures = { stub: await onStub(), loopback: await onLoopback(), crossings: crossings() };
if (process.argv.includes("--json")) console.log(JSON.stringify(figures));
else {
  const row = (name, value, unit) =>
    console.log(`${name.padEnd(34)} ${value.toFixed(value < 1000 ? 1 : 0).padStart(8)} ${unit}`);
  for (const place of ["stub", "loopback"]) {
    for (const [name, value] of Object.entries(figures[place])) {
      row(`${place}: ${name === "bare" ? "bare fetch" : `added by ${name}`}`, value, "µs");
    }
  }
  row("core: begin + respond", figures.crossings, "ns");
}
