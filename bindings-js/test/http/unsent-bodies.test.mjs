// The body of a call that is never sent is released: a web stream is cancelled, an iterator ended, a stream of Node
// destroyed. That holds for every sender and for every reason why a call is not sent.

import assert from "node:assert/strict";
import { request as incoming } from "node:http";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import axios from "axios";
import { createClient, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { createInterceptor } from "unruffled/undici";
import { serving } from "../kit.js";
import { nowhere } from "../shared/served.js";
import { underEach } from "../shared/undici.js";

/** Bodies that never end by themselves, and record how they were ended. */
const BODIES = {
  "a web stream": (ends) =>
    new ReadableStream({ cancel: (reason) => void ends.push("cancel", reason ?? undefined) }, { highWaterMark: 0 }),
  "an async iterable": (ends) => ({
    next: () => new Promise(() => {}),
    async return() {
      ends.push("return");
      return { done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  }),
  "a stream of Node": (ends) =>
    new Readable({
      read() {},
      destroy(error, then) {
        ends.push("destroy");
        then(error);
      },
    }),
};

const LIMIT = { limits: [{ name: "hourly", rate: 1, per: "1h" }] };
const BREAKER = {
  retry: { attempts: 1 },
  breaker: { run: 5, minimumCalls: 5, coolDown: "1m", latestProbe: "1h", wait: 0 },
};
const MINE = new Error("mine");

/** Why a call is not sent: a policy, what happens before, what is added to the call, and its failure. */
const REASONS = {
  "a signal that was aborted before": { add: () => ({ signal: AbortSignal.abort(MINE) }), is: /mine|aborted/ },
  "an abort while it waits": {
    policy: { ...LIMIT, timeouts: { total: "2h" } },
    before: ({ read }) => read(),
    add() {
      const controller = new AbortController();
      setTimeout(() => controller.abort(MINE), 20);
      return { signal: controller.signal };
    },
    is: /mine|aborted|canceled/,
  },
  "a rate limit": {
    policy: { ...LIMIT, timeouts: { total: "5s" } },
    before: ({ read }) => read(),
    is: "rate-limited",
  },
  "a breaker that is open": {
    policy: BREAKER,
    // The breaker opens after failures that span a second.
    async before({ post, clock }, server) {
      server.status = 503;
      for (let at = 0; at < 5; at++) {
        clock.shift += 250;
        await post("{}", {}).catch(() => {});
      }
    },
    is: "circuit-open",
  },
  "a client that was closed": { before: ({ controls }) => controls.close(), is: "closed" },
};

/** Makes a request handler. `server`: the status of its answers, and the number of requests that it saw. */
function answering(server) {
  return (request, response) => {
    server.seen++;
    request.resume();
    response.writeHead(server.status).end("{}");
  };
}

/** Makes a clock of real time that can be moved on. */
function shifting() {
  const clock = {
    shift: 0,
    now: () => performance.now() + clock.shift,
    wall: () => Date.now(),
    timer(ms, then, quiet) {
      const timer = setTimeout(then, ms);
      if (quiet) timer.unref();
      return () => clearTimeout(timer);
    },
  };
  return clock;
}

/** Declares the tests of a sender. `way(base, policy)` returns the controls and two functions: get a path, post a body. */
function suite(way, bodies, left = []) {
  for (const [body, make] of Object.entries(BODIES)) {
    if (!bodies.includes(body)) continue;
    for (const [name, { policy = {}, before, add, is }] of Object.entries(REASONS)) {
      if (left.includes(name)) continue;
      it(`${body}: ${name}`, async () => {
        const server = { status: 200, seen: 0 };
        await serving(answering(server), async (base) => {
          const clock = shifting();
          const made = { ...way(base, policy, { clock }), clock };
          await before?.(made, server);
          const { seen } = server;
          const ends = [];
          const source = make(ends);
          await assert.rejects(made.post(source, add?.() ?? {}), (error) => {
            const own = error.reason ?? error.cause?.reason;
            assert.ok(is instanceof RegExp ? is.test(String(error)) : own === is, String(error));
            return true;
          });
          await new Promise(setImmediate);
          // A web stream gets the reason, as with bare fetch.
          const why = is instanceof RegExp ? MINE : undefined;
          const how = { "a web stream": ["cancel", why], "an async iterable": ["return"] }[body];
          assert.deepEqual(ends, how ?? ["destroy"]);
          assert.equal(server.seen, seen);
        });
      });
    }

    it(`${body}: a port at which nobody listens`, async () => {
      const ends = [];
      const source = make(ends);
      await assert.rejects(way(await nowhere(), { retry: { base: "1ms" } }).post(source, {}));
      await new Promise(setImmediate);
      assert.equal(ends.filter((end) => typeof end === "string").length, 1);
    });
  }
}

const ALL = Object.keys(BODIES);

function client(base, policy, options) {
  const controls = createClient({ ...policy, baseUrl: base }, options);
  return {
    controls,
    read: () => controls.get("/x"),
    post: (body, more) => controls.post("/x", { body, ...more }),
    stream: (body, more) => controls.stream("POST", "/x", { body, ...more }),
  };
}

function dropin(base, policy, options) {
  const controls = createFetch(policy, options);
  return {
    controls,
    read: async () => (await controls(base)).text(),
    post: (body, more) => controls(base, { method: "POST", body, duplex: "half", ...more }),
  };
}

describe("a verb", () => {
  suite(client, ALL);

  it("a mistake in the call, and no credential", async () => {
    const wrong = [
      { params: {} },
      { path: { id: 1 }, json: {} },
      { idempotencyKey: "\n" },
      { deadline: Number.NaN },
      { headers: { "a b": "c" } },
    ];
    const noCredential = () => Promise.reject(MINE);
    await serving(answering({ status: 200 }), async (base) => {
      const calls = [
        ...wrong.map((more) => [client(base, {}).post, more]),
        ...wrong.map((more) => [client(base, {}).stream, more]),
        [client(base, {}, { credentials: noCredential }).post, {}],
      ];
      for (const [post, more] of calls) {
        const ends = [];
        await assert.rejects(post(BODIES["a web stream"](ends), more), JSON.stringify(more));
        await new Promise(setImmediate);
        assert.equal(ends[0], "cancel", JSON.stringify(more));
      }
    });
  });

  it("what a server is being sent stays open, for its answer", async () => {
    const target = await nowhere();
    const answer = async (request, response) => {
      const { controls, post } = client(target, {});
      controls.close();
      await assert.rejects(post(request, {}), { reason: "closed" });
      response.writeHead(503).end("later");
    };
    await serving(answer, async (base) => {
      const status = await new Promise((resolve, reject) => {
        const sent = incoming(base, { method: "POST" }, ({ statusCode }) => resolve(statusCode)).on("error", reject);
        sent.write("a part");
      });
      assert.equal(status, 503);
    });
  });

  it("one that is answered keeps its body: a fetch may read it later", async () => {
    const kept = [];
    const fetch = async (_, { body }) => (kept.push(body), new Response("{}"));
    const ends = [];
    await client("https://a.example", {}, { fetch }).post(BODIES["a web stream"](ends), {});
    await new Promise(setImmediate);
    assert.deepEqual(ends, []);
    await kept[0].cancel();
    assert.equal(ends[0], "cancel");
  });
});

describe("createFetch", () => {
  suite(dropin, ALL);

  it("a Request with a body: as fetch with a signal that was aborted", async () => {
    const { signal } = { signal: AbortSignal.abort(MINE) };
    for (const fetch of [globalThis.fetch, createFetch({})]) {
      const ends = [];
      const body = BODIES["a web stream"](ends);
      const request = new Request("https://a.example", { method: "POST", body, duplex: "half" });
      await assert.rejects(fetch(request, { signal }));
      await new Promise(setImmediate);
      assert.deepEqual(ends, ["cancel", MINE]);
    }
  });
});

describe("axios", () => {
  const under = (inner) => (base, policy, options) => {
    const controls = createAdapter(axios, policy, { ...options, adapter: inner });
    const instance = axios.create({ adapter: controls, proxy: false, maxRedirects: 0 });
    return {
      controls,
      read: () => instance.get(base),
      post: (data, more) => instance.post(base, data, more),
    };
  };
  // With this axios itself ends the call, and does not touch the body.
  const left = ["a signal that was aborted before"];
  suite(under("http"), ["a stream of Node"], left);
  suite(under("fetch"), ["a web stream"], left);
});

await underEach(({ Agent, request }, _) => {
  suite((base, policy, options) => {
    const controls = createInterceptor(policy, options);
    const dispatcher = new Agent().compose(controls);
    return {
      controls,
      read: async () => (await request(base, { dispatcher })).body.text(),
      post: (body, more) => request(base, { dispatcher, method: "POST", body, ...more }),
    };
  }, ALL);
});
