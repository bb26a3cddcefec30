// The drop-in keeps fetch's contract: every form of input, the native Response, the caller's reasons, fetch's own errors.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallError, createClient, createFetch } from "unruffled";
import { fails, json, networkError, pieces, scripted, settled, silent, TestClock, watched } from "../kit.js";

const URL_ = "https://api.example.com/v1/orders?secret=1";

function setup(policy, answers, options = {}) {
  const clock = new TestClock();
  const native = scripted(...answers);
  const fetch = createFetch(policy, { fetch: native, clock, ...options });
  return { fetch, native, clock };
}

describe("input", () => {
  it("a string, a URL and a Request are passed on as they are", async () => {
    const { fetch, native } = setup({}, [json({})]);
    const request = new Request(URL_);
    for (const input of [URL_, new URL(URL_), request]) assert.equal((await fetch(input)).status, 200);
    assert.equal(native.calls[0].input, URL_);
    assert.equal(native.calls[2].input, request);
  });

  it("unknown keys of init are passed on, and a method becomes upper case", async () => {
    const { fetch, native } = setup({}, [json({})]);
    const dispatcher = {};
    await fetch(URL_, { method: "patch", body: "{}", dispatcher, priority: "low" });
    assert.equal(native.calls[0].init.dispatcher, dispatcher);
    assert.equal(native.calls[0].init.priority, "low");
    assert.equal(native.calls[0].init.method, "PATCH");
    await fetch(new Request(URL_), { dispatcher });
    assert.equal(native.calls[1].init.dispatcher, dispatcher);
  });

  it("adds no header but the policy's key", async () => {
    const plain = setup({}, [json({})]);
    await plain.fetch(URL_, { method: "POST", body: "x", headers: { accept: "a" } });
    assert.deepEqual([...plain.native.calls[0].headers], [["accept", "a"]]);
    const keyed = setup({ idempotency: { header: "Idempotency-Key" } }, [json({}, 503), json({})]);
    const call = keyed.fetch(new Request(URL_, { method: "POST", body: "x", headers: { accept: "a" } }));
    await keyed.clock.pass(2000);
    await call;
    const keys = keyed.native.calls.map(({ headers }) => headers.get("idempotency-key"));
    assert.equal(keys.length, 2);
    assert.equal(keys[0].length, 36);
    assert.equal(keys[0], keys[1]);
    assert.equal(keyed.native.calls[0].headers.get("accept"), "a");
  });

  it("a Request with a body is sent whole on every attempt, and is used up as by fetch", async () => {
    const bodies = [];
    const read = (status) => async (input) => (bodies.push(await input.text()), json({}, status));
    const { fetch, clock } = setup({}, [read(503), read(503), read(200)]);
    const request = new Request(URL_, { method: "PUT", body: "the body" });
    const call = watched(fetch(request));
    await clock.pass(5000);
    assert.equal(call.value.status, 200);
    assert.deepEqual(bodies, ["the body", "the body", "the body"]);
    assert.equal(request.bodyUsed, true);
  });

  it("a Request's body is sent where init has null in its place, as by fetch", async () => {
    const bodies = [];
    const read = (status) => async (input, init) => (
      bodies.push(await new Request(input, init).text()), json({}, status)
    );
    const { fetch, clock } = setup({}, [read(503), read(200)]);
    const call = watched(fetch(new Request(URL_, { method: "PUT", body: "the body" }), { body: null }));
    await clock.pass(5000);
    assert.equal(call.value.status, 200);
    assert.deepEqual(bodies, ["the body", "the body"]);
  });

  it("a Request whose call has but one attempt is handed on itself, not a copy", async () => {
    const { fetch, native } = setup({}, [json({}, 503)]);
    const headers = { "x-stainless-retry-count": "1" };
    const request = new Request(URL_, { method: "PUT", body: "x", headers });
    await fetch(request);
    assert.equal(native.calls[0].input, request);
  });

  it("a Request that was used is the caller's mistake", async () => {
    const { fetch } = setup({}, [json({})]);
    const request = new Request(URL_, { method: "PUT", body: "x" });
    await request.text();
    await assert.rejects(fetch(request), TypeError);
  });

  it("what is not http goes to fetch untouched", async () => {
    const { fetch, native } = setup({}, [json({ a: 1 })]);
    await fetch("data:text/plain,hi");
    assert.equal(native.calls.length, 1);
    assert.equal(fetch.snapshot().begun, 0);
  });

  it("the global fetch is looked up at each call, and an unruffled one there is not called in a circle", async () => {
    const before = globalThis.fetch;
    try {
      const fetch = createFetch({});
      globalThis.fetch = async () => json({ faked: true });
      assert.deepEqual(await (await fetch(URL_)).json(), { faked: true });
      globalThis.fetch = fetch;
      const native = scripted(json({ under: true }));
      globalThis.fetch = native;
      const other = createFetch({});
      globalThis.fetch = other;
      assert.deepEqual(await (await globalThis.fetch(URL_)).json(), { under: true });
    } finally {
      globalThis.fetch = before;
    }
  });
});

describe("answers", () => {
  it("are the platform's own", async () => {
    const { fetch } = setup({ timeouts: { attempt: "5s", idle: "5s" } }, [() => json({ a: 1 }, 201, { "x-a": "b" })]);
    const response = await fetch(URL_);
    assert.ok(response instanceof Response);
    assert.equal(response.constructor, Response);
    assert.equal(Object.prototype.toString.call(response), "[object Response]");
    assert.equal(response.status, 201);
    assert.equal(response.headers.get("x-a"), "b");
    assert.equal(response.bodyUsed, false);
    assert.deepEqual(await response.clone().json(), { a: 1 });
    assert.deepEqual(await response.json(), { a: 1 });
    assert.equal(response.bodyUsed, true);
    await assert.rejects(response.text(), TypeError);
  });

  it("are readable in every way", async () => {
    const policy = { timeouts: { idle: "5s" } };
    const form = () => new Response("a=1", { headers: { "content-type": "application/x-www-form-urlencoded" } });
    for (const options of [{}, { buffer: true }]) {
      const { fetch } = setup(policy, [form], options);
      assert.equal(await (await fetch(URL_)).text(), "a=1");
      assert.equal((await (await fetch(URL_)).arrayBuffer()).byteLength, 3);
      assert.equal(await (await (await fetch(URL_)).blob()).text(), "a=1");
      assert.equal((await (await fetch(URL_)).formData()).get("a"), "1");
      assert.equal(await new Response((await fetch(URL_)).body).text(), "a=1");
      assert.equal(await (await fetch(URL_)).clone().text(), "a=1");
      const response = await fetch(URL_);
      const reader = response.body.getReader({ mode: "byob" });
      assert.equal((await reader.read(new Uint8Array(10))).value.length, 3);
      assert.equal((await reader.read(new Uint8Array(10))).done, true);
      assert.equal(response.bodyUsed, true);
    }
  });

  it("an HTTP error is returned, the last one after all attempts, with its body", async () => {
    const { fetch, clock } = setup({}, [json({ busy: 1 }, 503)]);
    const call = watched(fetch(URL_));
    await clock.pass(20_000);
    assert.equal(call.value.status, 503);
    assert.deepEqual(await call.value.json(), { busy: 1 });
    assert.match(fetch.explain(call.value), /4 attempts/);
  });

  it("an answer kept over a wait is returned where the wait ends the call", async () => {
    const { fetch, clock } = setup({}, [json({ busy: 1 }, 503, { "x-a": "b" })]);
    const call = watched(fetch(URL_));
    await settled();
    fetch.close();
    await clock.pass(10);
    if (call.state === "fulfilled") {
      assert.equal(call.value.status, 503);
      assert.equal(call.value.headers.get("x-a"), "b");
      assert.deepEqual(await call.value.json(), { busy: 1 });
    } else assert.equal(call.error.cause.reason, "closed");
  });

  it("with buffer: true a body that breaks is fetched again", async () => {
    const broken = pieces();
    const answer = () => (
      broken.push("{"), setImmediate(() => broken.break(new TypeError("terminated"))), broken.response
    );
    const { fetch, clock, native } = setup({}, [answer, json({ ok: true })], { buffer: true });
    const call = watched(fetch(URL_));
    await clock.pass(1000);
    assert.deepEqual(await call.value.json(), { ok: true });
    assert.equal(native.calls.length, 2);
  });
});

describe("time limits", () => {
  it("are taken from the policy's own text only", async () => {
    const { fetch, clock, native } = setup({}, [silent]);
    const call = watched(fetch(URL_));
    await clock.pass(600_000);
    assert.equal(call.state, "pending");
    assert.equal(native.calls[0].init?.signal, undefined);
  });

  it("a body is not limited where the policy's text gives no idle", async () => {
    const slow = pieces();
    const { fetch, clock } = setup({ timeouts: { attempt: "1s" } }, [
      (_, init) => (slow.stops(init.signal), slow.response),
    ]);
    const text = watched((await fetch(URL_)).text());
    await clock.pass(600_000);
    slow.push("late");
    slow.end();
    await settled();
    assert.equal(text.value, "late");
  });

  it("a refused answer whose body never ends is let go by the end of the wait", async () => {
    const stuck = pieces(503);
    const { fetch, clock } = setup({}, [() => stuck.response, json({ ok: true })]);
    const call = watched(fetch(URL_));
    await clock.pass(1000);
    assert.equal(call.value?.status, 200);
    await assert.rejects(async () => stuck.push("late"));
  });

  it("say so in fetch's own words", async () => {
    const { fetch, clock } = setup({ timeouts: { attempt: "1s" }, retry: { attempts: 1 } }, [silent]);
    const call = watched(fetch(URL_));
    await clock.pass(1000);
    assert.equal(call.error.name, "TimeoutError");
    assert.match(call.error.message, /timed out/);
  });
});

describe("event streams", () => {
  const POLICY = { timeouts: { attempt: "5s", idle: "60s", total: "30s" } };
  // Media types are compared without case.
  const EVENTS = { "content-type": "Text/Event-Stream" };

  /** Makes an event stream that the test fills. */
  function events() {
    const stream = pieces(200, EVENTS);
    const answer = (_, init) => (stream.stops(init.signal), stream.response);
    return { ...stream, answer };
  }

  it("live for ten minutes as long as something comes within idle", async () => {
    for (const buffer of [false, true]) {
      const { answer, push, end } = events();
      const { fetch, clock } = setup(POLICY, [answer], { buffer });
      const text = watched((await fetch(URL_)).text());
      for (let i = 0; i < 12; i++) {
        await clock.pass(50_000);
        push("a");
        await settled();
      }
      end();
      await settled();
      assert.equal(text.value, "a".repeat(12));
    }
  });

  it("that stall end with TimeoutError, and are not asked for again", async () => {
    for (const buffer of [false, true]) {
      const { answer, push } = events();
      const { fetch, clock, native } = setup(POLICY, [answer], { buffer });
      const reader = (await fetch(URL_)).body.getReader();
      push("a");
      await reader.read();
      const next = watched(reader.read());
      await clock.pass(59_999);
      assert.equal(next.state, "pending");
      await clock.pass(1);
      assert.equal(next.error?.name, "TimeoutError");
      assert.match(next.error.message, /timed out/);
      assert.equal(native.calls.length, 1);
    }
  });

  it("are asked for again before the first byte, and never after it", async () => {
    const { answer, push, break: cut } = events();
    const { fetch, clock, native } = setup(POLICY, [json({}, 503), fails("ECONNRESET"), answer]);
    const call = watched(fetch(URL_));
    await clock.pass(2000);
    assert.equal(native.calls.length, 3);
    const text = watched(call.value.text());
    push("a");
    await settled();
    const error = new TypeError("terminated");
    cut(error);
    await settled();
    assert.equal(text.error, error);
    assert.equal(native.calls.length, 3);
  });
});

describe("errors", () => {
  it("the last error of the platform is rethrown as it was", async () => {
    const error = networkError("ECONNRESET");
    const { fetch, clock } = setup({}, [() => Promise.reject(error)]);
    const call = watched(fetch(URL_));
    await clock.pass(20_000);
    assert.equal(call.error, error);
    assert.match(fetch.explain(error), /4 attempts/);
  });

  it("leave no listener on the caller's signal", async () => {
    const { fetch, clock } = setup({ timeouts: { attempt: "5s" } }, [fails("ECONNRESET")]);
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...given) => (listeners++, addEventListener.apply(signal, given));
    signal.removeEventListener = (...given) => (listeners--, removeEventListener.apply(signal, given));
    const call = watched(fetch(URL_, { signal }));
    await clock.pass(20_000);
    assert.equal(call.error?.cause?.code, "ECONNRESET");
    assert.equal(listeners, 0);
  });

  it("where nothing was sent it is TypeError: fetch failed, with the CallError as cause", async () => {
    const { fetch } = setup({}, [json({})]);
    fetch.close();
    const error = await fetch(URL_).catch((error) => error);
    assert.ok(error instanceof TypeError);
    assert.equal(error.message, "fetch failed");
    assert.ok(error.cause instanceof CallError);
    assert.equal(error.cause.reason, "closed");
    assert.doesNotMatch(error.cause.message, /secret/);
  });

  it("an abort rejects with the caller's own reason, even a string, from init or from a Request", async () => {
    for (const through of ["init", "request"]) {
      const { fetch } = setup({ timeouts: { attempt: "5s" } }, [silent]);
      const controller = new AbortController();
      const { signal } = controller;
      const call = watched(through === "init" ? fetch(URL_, { signal }) : fetch(new Request(URL_, { signal })));
      await settled();
      controller.abort("because");
      await settled();
      assert.equal(call.error, "because");
    }
  });

  it("a POST without a key is sent once when its answer is lost, and again when it was never sent", async () => {
    const lost = setup({}, [fails("ECONNRESET"), json({})]);
    await assert.rejects(lost.fetch(URL_, { method: "POST", body: "x" }), TypeError);
    assert.equal(lost.native.calls.length, 1);
    const place = { syscall: "connect", address: "127.0.0.1", port: 80 };
    const unsent = setup({}, [fails("ECONNREFUSED", place), json({})]);
    const call = watched(unsent.fetch("http://127.0.0.1/x", { method: "POST", body: "x" }));
    await unsent.clock.pass(2000);
    assert.equal(call.value.status, 200);
  });
});

describe("stacked retries", () => {
  it("an SDK that is already retrying gets a single attempt", async () => {
    const counted = { "x-stainless-retry-count": "1" };
    for (const headers of [counted, new Headers(counted), Object.entries(counted)]) {
      const { fetch, native } = setup({}, [json({}, 503)]);
      assert.equal((await fetch(URL_, { headers })).status, 503);
      assert.equal(native.calls.length, 1);
    }
  });

  it("a count of 0 proves nothing", async () => {
    const { fetch, native, clock } = setup({}, [json({}, 503), json({})]);
    const call = watched(fetch(URL_, { headers: { "x-stainless-retry-count": "0" } }));
    await clock.pass(2000);
    assert.equal(call.value.status, 200);
    assert.equal(native.calls.length, 2);
  });

  it("a drop-in over a drop-in leaves the lower one a single attempt", async () => {
    const native = scripted(json({}, 503));
    const clock = new TestClock();
    const lower = createFetch({}, { fetch: native, clock });
    let stacked = 0;
    lower.on(() => stacked++, "stacked");
    const upper = createFetch({ retry: { attempts: 3 } }, { fetch: lower, clock });
    for (const input of [URL_, new Request(URL_, { method: "PUT", body: "x" })]) {
      const call = watched(upper(input));
      await clock.pass(20_000);
      assert.equal(call.value.status, 503);
    }
    assert.equal(native.calls.length, 6);
    assert.equal(stacked, 6);
  });

  it("and so does one over a drop-in that was put in the platform's place", async () => {
    const native = scripted(json({}, 503));
    const clock = new TestClock();
    const lower = createFetch({}, { fetch: native, clock });
    const { fetch: platform } = globalThis;
    globalThis.fetch = lower;
    const over = createFetch({ retry: { attempts: 3 } }, { clock });
    try {
      const call = watched(over(URL_));
      await clock.pass(20_000);
      assert.equal(call.value.status, 503);
    } finally {
      globalThis.fetch = platform;
    }
    assert.equal(native.calls.length, 3);
  });

  it("a drop-in under a client leaves the retries to the client, and says so", async () => {
    const { fetch, native, clock } = setup({}, [json({}, 503), json({})]);
    const stacked = [];
    fetch.on((event) => stacked.push(event), "stacked");
    const client = createClient("https://api.example.com", { fetch, clock });
    const call = watched(client.get("/x").json());
    await settled();
    assert.equal(native.calls.length, 1);
    await clock.pass(2000);
    assert.equal(call.state, "fulfilled");
    assert.equal(native.calls.length, 2);
    assert.equal(stacked.length, 2);
  });
});
