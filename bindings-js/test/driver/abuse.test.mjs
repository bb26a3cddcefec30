// Hostile use: any input in any order, re-entrance, loops of a hundred thousand calls, clients that are collected with
// calls in flight, worker threads. Afterwards no memory is held.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { createClient, createFetch } from "unruffled";
import { Core, word } from "../../.build/internal.js";
import { json, settled, silent, TestClock, watched } from "../kit.js";

const BASE = "https://api.example.com";
const NOTHING = new Uint8Array(0);

/** Makes a generator of random numbers, equal in every run. */
function generator(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const rests = ({ inFlight, live, waiting }) => assert.deepEqual([inFlight, live, waiting], [0, 0, 0]);

/** Makes a fetch with random answers: most succeed, some are refused, lost, late or broken. */
function moody(draw) {
  return async (_, init) => {
    const mood = draw(1000);
    if (mood < 970) return new Response("{}");
    if (mood < 980) return new Response("{}", { status: 503 });
    if (mood < 984) return new Response("{}", { status: 429, headers: { "retry-after-ms": "1" } });
    if (mood < 990)
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("reset"), { code: "ECONNRESET" }) });
    if (mood < 996) return new Response("{}", { status: 404 });
    if (mood < 999) throw new RangeError("a hook of mine");
    return new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
  };
}

/** A policy with every feature, and short times. */
const QUICK = {
  baseUrl: BASE,
  timeouts: { attempt: "20ms", total: "500ms" },
  retry: { base: "1ms", cap: "2ms", budget: { capacity: 10_000, perCall: 1 } },
  limits: [{ name: "core", rate: 1_000_000, per: "1s" }],
};

describe("any input in any order", () => {
  const HOSTILE = [Number.NaN, Infinity, -Infinity, -1, 0.5, 2 ** 32, 2 ** 52, 2 ** 53, 2 ** 53 + 2, 1e308];

  it("200,000 of them neither throw nor trap, and what they began can be ended", () => {
    const draw = generator(7);
    const core = Core.open(
      JSON.stringify({ limits: [{ name: "a", rate: 100, per: "1s" }], breaker: { wait: "1s" } }),
      false,
    );
    core.seed(1);
    core.subscribe(255);
    let now = 0;
    const number = (below) => (draw(50) === 0 ? HOSTILE[draw(HOSTILE.length)] : draw(below));
    const time = () => (draw(50) === 0 ? number(2 ** 40) : (now += draw(20)));
    const lines = new TextEncoder().encode("retry-after: 1\nx-ratelimit-remaining: 3\n");
    const inputs = [
      () => core.begin(number(64), time(), number(3), number(3), number(2 ** 16), number(2) * 1000),
      () => core.respond(number(64), time(), number(1000)),
      () => core.respondWith(number(64), time(), number(2 ** 41), 400 + number(200), lines, NOTHING),
      () => core.fault(number(64), time(), number(12)),
      () => core.resume(number(64), time()),
      () => core.abandon(number(64), time()),
      () => core.token(time(), number(4), number(2 ** 40)),
      () => core.tokenFailed(time(), number(4), number(12)),
      () => core.online(time()),
      () => core.wake(),
      () => core.report(number(64)),
      () => core.route(`GET /x${number(5)}`),
      () => core.scope("https://a.example", `c${number(3)}`),
      () => core.events(),
      () => core.snapshot(now),
    ];
    for (let i = 0; i < 200_000; i++) {
      const answer = inputs[draw(8) < 5 ? draw(6) : draw(inputs.length)]();
      if (typeof answer === "number") assert.notEqual(answer, word.DEAD_WORD);
    }
    for (let call = 0; call < 64; call++) core.abandon(call, now);
    rests(JSON.parse(core.snapshot(now)));
  });

  it("a client takes closing, asking and calling from within its own hooks", async () => {
    const clock = new TestClock();
    let again = 100;
    const reentrant = (client) => {
      client.snapshot();
      if (again-- > 0) client.get("/again").catch(() => {});
      client.close();
      client.close();
    };
    let client;
    const options = {
      clock,
      fetch: async () => (reentrant(client), json({}, 503)),
      credentials: () => (reentrant(client), "t"),
      correlationId: () => (client?.snapshot(), "id"),
    };
    client = createClient({ baseUrl: BASE, correlationId: "X-Correlation-Id" }, options);
    client.on(() => reentrant(client), ["call", "attempt", "warning"]);
    const call = watched(client.get("/x"));
    await clock.pass(100_000);
    assert.equal(call.state, "rejected");
    rests(client.snapshot());
  });
});

describe("100,000 calls on one engine", () => {
  it("from 8 loops at once, with faults, time limits and cancellations, leave nothing", async () => {
    const draw = generator(11);
    const client = createClient(QUICK, { fetch: moody(draw) });
    const outcomes = { good: 0, bad: 0 };
    let left = 100_000;
    const loop = async () => {
      while (left-- > 0) {
        const controller = new AbortController();
        if (draw(100) === 0) queueMicrotask(() => controller.abort("enough"));
        const signal = draw(10) === 0 || controller.signal.aborted ? controller.signal : undefined;
        try {
          await client.get("/orders/{id}", { path: { id: left }, signal }).json();
          outcomes.good++;
        } catch {
          outcomes.bad++;
        }
      }
    };
    // A time limit alone keeps no process alive; with real sockets those would.
    const alive = setInterval(() => {}, 1000);
    await Promise.all(Array.from({ length: 8 }, loop));
    clearInterval(alive);
    assert.equal(outcomes.good + outcomes.bad, 100_000);
    assert.ok(outcomes.good > 90_000, JSON.stringify(outcomes));
    const { begun, ...snapshot } = client.snapshot();
    assert.ok(begun > 99_000 && begun <= 100_000, `${begun}`);
    rests(snapshot);
  });
});

describe("clients that nobody holds any more", () => {
  const run = (body) =>
    promisify(execFile)(
      process.execPath,
      ["--expose-gc", "--input-type=module", "-e", `import { createClient, createFetch } from "unruffled";\n${body}`],
      { cwd: new URL("../../", import.meta.url) },
    );

  it("finish the calls that somebody waits for", async () => {
    const { stdout } = await run(`
      const late = () => new Promise((resolve) => setTimeout(resolve, 20, new Response('{"ok":true}')));
      let tries = 0;
      const waits = async () => (tries++ < 3 ? new Response("", { status: 503 }) : late());
      const policy = { baseUrl: "https://a.example", retry: { base: "10ms" } };
      const calls = Array.from({ length: 50 }, (_, i) => createClient(policy, { fetch: i % 2 ? late : waits }).get("/x").json());
      for (let i = 0; i < 5; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
      console.log((await Promise.all(calls)).filter(({ ok }) => ok).length);`);
    assert.equal(stdout.trim(), "50");
  });

  it("give back their engines, with calls on their way and without", async () => {
    const { stdout } = await run(`
      const { Instance } = WebAssembly;
      let memory;
      WebAssembly.Instance = function (...given) { const made = new Instance(...given); ({ memory } = made.exports); return made; };
      const never = () => new Promise(() => {});
      const good = async () => new Response("{}");
      const round = async () => {
        for (let i = 0; i < 100; i++) {
          createClient({ baseUrl: "https://a.example" }, { fetch: never }).get("/x").catch(() => {});
          await createClient({ baseUrl: "https://a.example" }, { fetch: good }).get("/x").json();
          await (await createFetch({}, { fetch: good })("https://a.example/x")).text();
        }
        for (let i = 0; i < 4; i++) { gc(); await new Promise((resolve) => setTimeout(resolve)); }
      };
      for (let i = 0; i < 3; i++) await round();
      const warm = memory.buffer.byteLength;
      for (let i = 0; i < 8; i++) await round();
      console.log(warm, memory.buffer.byteLength);
      process.exit();`);
    const [warm, end] = stdout.trim().split(" ").map(Number);
    assert.ok(end <= warm * 1.1, stdout);
  });

  it("and their signals keep nothing of theirs", async () => {
    const { stdout } = await run(`
      const fetch = createFetch({ timeouts: { idle: "60s" } }, { fetch: async () => new Response(new ReadableStream({})) });
      const { signal } = new AbortController();
      let listeners = 0;
      const { addEventListener, removeEventListener } = signal;
      signal.addEventListener = (...given) => (listeners++, addEventListener.apply(signal, given));
      signal.removeEventListener = (...given) => (listeners--, removeEventListener.apply(signal, given));
      for (let i = 0; i < 20; i++) await fetch("https://a.example/x", { signal });
      const held = listeners;
      for (let i = 0; i < 20; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
      console.log(held, listeners);
      process.exit();`);
    assert.equal(stdout.trim(), "1 0");
  });
});

describe("worker threads", () => {
  const source = (body) => `
    import { parentPort } from "node:worker_threads";
    import { createClient } from ${JSON.stringify(import.meta.resolve("unruffled"))};
    const client = createClient({ baseUrl: "https://a.example", retry: { base: "1ms" } }, { fetch: async () => new Response("{}") });
    ${body}`;
  const start = (body) => new Worker(new URL(`data:text/javascript,${encodeURIComponent(source(body))}`));

  it("have engines of their own", async () => {
    const body = `
      for (let i = 0; i < 2000; i++) await client.get("/x").json();
      parentPort.postMessage(client.snapshot());`;
    const snapshots = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const worker = start(body);
        const snapshot = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
        await worker.terminate();
        return snapshot;
      }),
    );
    for (const snapshot of snapshots) {
      assert.equal(snapshot.begun, 2000);
      rests(snapshot);
    }
  });

  it("may be ended with calls on their way", async () => {
    const body = `
      const never = createClient("https://a.example", { fetch: () => new Promise(() => {}) });
      for (let i = 0; i < 50; i++) never.get("/x").catch(() => {});
      parentPort.postMessage("busy");
      for (;;) await client.get("/x").json();`;
    for (let i = 0; i < 3; i++) {
      const worker = start(body);
      await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      assert.equal(await worker.terminate(), 1);
    }
    const fetch = createFetch({}, { fetch: async () => json({ ok: true }) });
    assert.deepEqual(await (await fetch(`${BASE}/x`)).json(), { ok: true });
  });
});

describe("closing", () => {
  it("ends a thousand calls in every state, and a second closing changes nothing", async () => {
    const clock = new TestClock();
    const draw = generator(3);
    const answers = [silent, () => json({}, 503), () => json({}, 429, { "retry-after": "5" })];
    const fetch = async (_, init) => {
      const aborted = new Promise((_, reject) => {
        init.signal.addEventListener("abort", () => reject(init.signal.reason));
      });
      return Promise.race([answers[draw(answers.length)](), aborted]);
    };
    const client = createClient({ baseUrl: BASE, concurrency: 50, timeouts: { attempt: "5s" } }, { clock, fetch });
    const calls = Array.from({ length: 1000 }, () => watched(client.get("/x")));
    await clock.pass(700);
    client.close();
    client.close();
    await clock.pass(10_000);
    assert.ok(calls.every(({ state }) => state === "rejected"));
    rests(client.snapshot());
    await settled();
    assert.equal(clock.pending.length, 0);
  });
});
