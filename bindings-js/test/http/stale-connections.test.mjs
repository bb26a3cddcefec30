// Kept connections that the server has closed while the program was busy. A POST without a key sees that before it is
// written: it is never lost, and sent once.

import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent } from "node:http";
import { after, describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import axios from "axios";
import { createClient, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { underEach } from "../shared/undici.js";

const IDLE = 50;
const CALLS = 20;
const POLICY = { retry: { base: "1ms" } };

/** The number of connections that the server has closed. */
const closed = new Int32Array(new SharedArrayBuffer(4));

/** A server that closes idle connections. It runs in a thread of its own, because the clients block this one. */
const SERVER = `
  const { createServer } = require("node:net");
  const { parentPort, workerData: closed } = require("node:worker_threads");
  let seen = [], connections = 0;
  const server = createServer((socket) => {
    connections++;
    let timer;
    socket.on("error", () => {});
    socket.on("data", (data) => {
      clearTimeout(timer);
      for (const [, number] of String(data).matchAll(/POST \\/(\\d+)/g)) {
        seen.push(Number(number));
        socket.write("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}");
      }
      timer = setTimeout(() => socket.end(() => { Atomics.add(closed, 0, 1); Atomics.notify(closed, 0); }), ${IDLE});
    });
  });
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
  parentPort.on("message", () => { parentPort.postMessage({ seen, connections }); seen = []; connections = 0; });`;

const worker = new Worker(SERVER, { eval: true, workerData: closed });
const [port] = await once(worker, "message");
const base = `http://127.0.0.1:${port}`;
after(() => worker.terminate());

/** Waits until the server has closed one more connection than `before`: in a busy program, and in an idle one. */
const WAITS = [
  (before) => {
    assert.notEqual(Atomics.wait(closed, 0, before, 10_000), "timed-out");
  },
  async (before) => {
    assert.notEqual(await Atomics.waitAsync(closed, 0, before, 10_000).value, "timed-out");
  },
];

/** Checks that each POST arrives once, on a new connection, because the one before is closed by then. */
async function check(post) {
  for (const wait of WAITS) {
    for (let at = 0; at < CALLS; at++) {
      const before = Atomics.load(closed, 0);
      await post(`${base}/${at}`, at);
      await wait(before);
    }
    worker.postMessage(null);
    const [{ seen, connections }] = await once(worker, "message");
    assert.deepEqual(
      seen,
      Array.from({ length: CALLS }, (_, at) => at),
    );
    assert.equal(connections, CALLS);
  }
}

describe("connections that the server closes", () => {
  it("a verb", async () => {
    const client = createClient({ ...POLICY, baseUrl: base });
    await check((_, at) => client.post("/{at}", { path: { at }, json: {} }).json());
  });

  it("createFetch", async () => {
    const fetch = createFetch(POLICY);
    await check(async (url) => (await fetch(url, { method: "POST", body: "{}" })).text());
  });

  it("axios", async () => {
    const httpAgent = new Agent({ keepAlive: true });
    for (const inner of ["http", "fetch"]) {
      const adapter = createAdapter(axios, POLICY, { adapter: inner });
      await check((url) => axios.post(url, {}, { adapter, httpAgent, proxy: false }));
    }
    httpAgent.destroy();
  });
});

await underEach(({ request }, setup) => {
  it("a POST over a connection that the server closes", async () => {
    const { dispatcher } = await setup(POLICY, [200]);
    await check(async (url) => (await request(url, { dispatcher, method: "POST", body: "{}" })).body.text());
  });
});
