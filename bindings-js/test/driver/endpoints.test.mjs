// Two endpoints of one origin have two targets, under verbs and under each drop-in. The core is asked once for each text,
// `begin` gets the whole target, and its low 16 bits give the settings.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import axios from "axios";
import { createClient, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { createInterceptor } from "unruffled/undici";
import { Core, word } from "../../.build/internal.js";
import { served } from "../shared/served.js";

const ends = [];
after(() => Promise.all(ends.map((end) => end())));

/** What crossed the boundary: the texts of `route` with the targets that it returned, and the targets of `begin`. */
const crossed = { asked: [], begun: [] };

/** Records crossings. It is set before the engine is loaded, and every entry of the package is loaded by it. */
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(Instance, given) {
    const { exports } = new Instance(...given);
    const route = (engine, at, length) => {
      const text = new TextDecoder().decode(new Uint8Array(exports.memory.buffer, at, length));
      const target = exports.engine_route(engine, at, length) >>> 0;
      crossed.asked.push([text, target]);
      return target;
    };
    const begin = (engine, call, now, target, ...more) => {
      crossed.begun.push(target);
      return exports.engine_begin(engine, call, now, target, ...more);
    };
    const changed = { ...exports, engine_route: route, engine_begin: begin };
    return { exports: exports.engine_begin === undefined ? exports : changed };
  },
});

/** A policy whose breaker opens after five failed calls that span a second, and then refuses calls at once. */
const STRICT = {
  retry: { attempts: 1 },
  breaker: { run: 5, minimumCalls: 5, coolDown: "1m", latestProbe: "1h", wait: 0 },
};

/** Makes a clock of real time that can be moved on. */
function shifting() {
  const clock = {
    shift: 0,
    now: () => performance.now() + clock.shift,
    wall: () => Date.now(),
    timer: (ms, then, quiet) => {
      const timer = setTimeout(then, ms);
      if (quiet) timer.unref();
      return () => clearTimeout(timer);
    },
  };
  return clock;
}

const undici = (name) => async (policy, base, clock) => {
  const { Agent, request } = await import(name);
  const agent = new Agent();
  ends.push(() => agent.destroy());
  const interceptor = createInterceptor({ ...policy, baseUrl: base }, { clock });
  const dispatcher = agent.compose(interceptor);
  const call = async (method, kind, id) => {
    const { statusCode, body } = await request(`${base}/${kind}/${id}?x=1`, { dispatcher, method });
    await body.dump();
    return statusCode;
  };
  return [call, interceptor];
};

/** By name: a function of policy, base and clock. It returns a function that makes a call, and the source of events. */
const HOSTS = {
  createClient: (policy, base, clock) => {
    const client = createClient({ ...policy, baseUrl: base }, { clock });
    const call = async (method, kind, id) => {
      const verb = method.toLowerCase();
      return (await client[verb](`/${kind}/{id}?x=1`, { path: { id }, raise: false })).status;
    };
    return [call, client];
  },
  createFetch: (policy, base, clock) => {
    const fetch = createFetch({ ...policy, baseUrl: base }, { clock });
    return [async (method, kind, id) => (await fetch(`${base}/${kind}/${id}?x=1`, { method })).status, fetch];
  },
  undici: undici("undici"),
  "undici-8": undici("undici-8"),
  axios: (policy, base, clock) => {
    const adapter = createAdapter(axios, { ...policy, baseUrl: base }, { clock });
    const api = axios.create({ baseURL: base, proxy: false, adapter, validateStatus: () => true });
    return [async (method, kind, id) => (await api.request({ method, url: `/${kind}/${id}?x=1` })).status, adapter];
  },
};

/** Starts a server whose `/broken/…` fails, and a host for it. */
async function setup(host, policy) {
  const answer = ({ url }, response) => response.writeHead(url.startsWith("/broken") ? 503 : 200).end("{}");
  const server = await served(answer);
  ends.push(() => server.close());
  const clock = shifting();
  const [call, source] = await HOSTS[host](policy, server.base, clock);
  for (const list of Object.values(crossed)) list.length = 0;
  return { ...server, call, source, clock };
}

for (const host of Object.keys(HOSTS)) {
  // A newer undici does not load in this Node.
  const absent = host === "undici-8" && (await import(host).catch(() => null)) === null;
  const verbs = host === "createClient";
  describe(host, { skip: absent }, () => {
    it("ids are no endpoints, methods and words are; begin gets the number whole", async () => {
      const { call } = await setup(host, {});
      await call("GET", "items", 7);
      await call("GET", "items", 8);
      await call("GET", "orders", 7);
      await call("POST", "items", 7);
      const [seven, eight, order, post] = crossed.begun;
      assert.equal(seven, eight);
      assert.equal(new Set([seven, order, post]).size, 3);
      for (const target of crossed.begun) {
        assert.equal(target & 0xffff, 0);
        assert.ok(target >= 0x10000);
      }
    });

    it("the core is asked once for each text, also where the policy has no routes", async () => {
      const { call, base } = await setup(host, {});
      for (let i = 0; i < 6; i++) await call("GET", "items", i % 2);
      await call("HEAD", "items", 0);
      assert.deepEqual(
        crossed.asked.map(([text]) => text),
        verbs
          ? ["GET /items/{id}", "HEAD /items/{id}"]
          : [`GET ${base}/items/0`, `GET ${base}/items/1`, `HEAD ${base}/items/0`],
      );
      const [[, first]] = crossed.asked;
      assert.deepEqual(crossed.begun.slice(0, 6), Array(6).fill(first));
    });

    it("a route of the policy has its number in the low 16 bits, and its settings; all else has those of the policy", async () => {
      const routes = { "POST /special/{id}": { idempotency: { header: "X-Special-Key" } } };
      const { call, seen } = await setup(host, { idempotency: { header: "Idempotency-Key" }, routes });
      await call("POST", "special", 7);
      await call("POST", "items", 7);
      assert.equal(crossed.begun[0], 1);
      assert.ok(crossed.begun[1] >= 0x10000);
      const keys = seen.map(({ headers }) => [headers["x-special-key"]?.length, headers["idempotency-key"]?.length]);
      assert.deepEqual(keys, [
        [36, undefined],
        [undefined, 36],
      ]);
    });

    it("an endpoint that fails holds back no other", async () => {
      const { call, source, clock, seen } = await setup(host, STRICT);
      const events = [];
      source.on((event) => events.push(event), "breaker");
      for (let i = 0; i < 5; i++) {
        clock.shift += 250;
        assert.equal(await call("GET", "broken", i), 503);
      }
      await assert.rejects(call("GET", "broken", 7), ({ message, cause }) =>
        /circuit-open/.test(`${message} ${cause}`),
      );
      assert.equal(seen.length, 5);
      // Parts of a URL may be secret; the template is the caller's own text.
      const opened = events.map(({ at, ...event }) => event);
      const endpoint = verbs ? "GET /broken/{id}" : "GET";
      assert.deepEqual(opened, [{ kind: "breaker", route: "", endpoint, scope: 0, from: "closed", to: "open" }]);
      for (let i = 0; i < 3; i++) assert.equal(await call("GET", "items", i), 200);
      await assert.rejects(call("GET", "broken", 8));
      assert.equal(await call("POST", "broken", 8), 503, "another method is another endpoint");
    });
  });
}

describe("the boundary", () => {
  it("numbers above 2^31 are as good as any", () => {
    const core = Core.open(JSON.stringify({ baseUrl: "https://api.example.com" }), false);
    core.seed(1);
    let target = 0;
    for (let i = 0; target < 2 ** 31 && i < 40_000; i++) {
      const letters = [...String(i)].map((digit) => "abcdefghij"[digit]).join("");
      target = core.route(`GET /${letters}`);
    }
    assert.equal(target, 0x8000_0000);
    assert.equal(word.text(core.begin(1, 0, target, 0, word.REPEATABLE, 0)), "Send 10000");
    assert.equal(word.text(core.respond(1, 1, 200)), "Deliver");
  });
});
