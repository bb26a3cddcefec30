// The driver with a scripted fetch and a virtual clock: attempts, waits, time limits, cancellation, closing.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallError, createClient, StatusError } from "unruffled";
import { fails, json, pieces, scripted, settled, silent, TestClock, watched } from "../kit.js";

const BASE = "https://api.example.com/v1";

function setup(policy, ...answers) {
  const clock = new TestClock();
  const fetch = scripted(...answers);
  const client = createClient({ baseUrl: BASE, ...policy }, { fetch, clock });
  return { client, clock, fetch };
}

describe("attempts", () => {
  it("a call that succeeds at once is one request and leaves no timer but the quiet one", async () => {
    const { client, clock, fetch } = setup({}, json({ id: 7 }));
    assert.deepEqual(await client.get("/orders/{id}", { path: { id: 7 } }).json(), { id: 7 });
    assert.equal(fetch.calls.length, 1);
    assert.equal(fetch.calls[0].input, `${BASE}/orders/7`);
    assert.ok(clock.pending.every((timer) => timer.quiet));
  });

  it("a 503 is retried after its wait, on a new signal", async () => {
    const { client, clock, fetch } = setup({}, json({}, 503), json({ ok: true }));
    const call = watched(client.get("/x").json());
    await clock.pass(100);
    assert.equal(fetch.calls.length, 1);
    await clock.pass(400);
    assert.deepEqual(call.value, { ok: true });
    assert.notEqual(fetch.calls[0].init.signal, fetch.calls[1].init.signal);
    assert.equal(fetch.calls[1].init.signal.aborted, false);
  });

  it("the request id is the same on every attempt, and another for another call", async () => {
    const { client, clock, fetch } = setup({}, json({}, 503), json({}), json({}));
    const call = client.get("/x").json();
    await clock.pass(1000);
    await call;
    await client.get("/x").json();
    const ids = fetch.calls.map((call) => call.headers.get("x-request-id"));
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[1], ids[2]);
    assert.equal(ids[0].length, 36);
  });

  it("an idempotency key is made once per call", async () => {
    const policy = { idempotency: { header: "Idempotency-Key" } };
    const { client, clock, fetch } = setup(policy, fails("ECONNRESET"), json({}, 503), json({}));
    const call = client.post("/orders", { json: {} }).json();
    await clock.pass(5000);
    await call;
    const keys = fetch.calls.map((call) => call.headers.get("idempotency-key"));
    assert.equal(new Set(keys).size, 1);
    assert.equal(keys[0].length, 36);
  });

  it("a key of the caller's own wins, and makes a POST repeatable", async () => {
    const { client, clock, fetch } = setup({}, fails("ECONNRESET"), json({}));
    const call = client.post("/orders", { json: {}, idempotencyKey: "mine" }).json();
    await clock.pass(1000);
    await call;
    assert.deepEqual(
      fetch.calls.map((call) => call.headers.get("idempotency-key")),
      ["mine", "mine"],
    );
  });

  it("a POST whose answer is lost is not sent again", async () => {
    const { client, fetch } = setup({}, fails("ECONNRESET"));
    const error = await client.post("/orders", { json: {} }).catch((error) => error);
    assert.ok(error instanceof CallError);
    assert.equal(error.reason, "not-replayable");
    assert.equal(error.outcome, "unknown");
    assert.equal(error.cause.cause.code, "ECONNRESET");
    assert.equal(fetch.calls.length, 1);
  });

  it("a stream is sent once", async () => {
    const { client, fetch } = setup({}, json({}, 503));
    const body = new Blob(["x"]).stream();
    const error = await client.put("/x", { body }).catch((error) => error);
    assert.equal(error.reason, "not-replayable");
    assert.equal(fetch.calls.length, 1);
    assert.equal(fetch.calls[0].init.duplex, "half");
  });

  it("retries that are used up end with the last answer", async () => {
    const { client, clock } = setup({}, json({ busy: true }, 503));
    const call = watched(client.get("/x").json());
    await clock.pass(20_000);
    assert.ok(call.error instanceof StatusError);
    assert.equal(call.error.reason, "retries-exhausted");
    assert.equal(call.error.attempts, 4);
    assert.equal(call.error.status, 503);
    assert.equal(call.error.body, '{"busy":true}');
    assert.match(call.error.explain(), /4 attempts/);
    assert.doesNotMatch(call.error.message, /busy/);
  });

  it("raise: false gives the last answer back", async () => {
    const { client, clock } = setup({}, json({ busy: true }, 503));
    const call = watched(client.get("/x", { raise: false }));
    await clock.pass(20_000);
    assert.equal(call.value.status, 503);
    assert.deepEqual(await call.value.json(), { busy: true });
  });
});

describe("time limits", () => {
  it("an attempt without an answer is stopped and retried", async () => {
    const { client, clock, fetch } = setup({ timeouts: { attempt: "1s" } }, silent, json({ ok: true }));
    const call = watched(client.get("/x").json());
    await clock.pass(999);
    assert.equal(fetch.calls[0].init.signal.aborted, false);
    await clock.pass(1);
    assert.equal(fetch.calls[0].init.signal.reason.name, "TimeoutError");
    await clock.pass(1000);
    assert.deepEqual(call.value, { ok: true });
  });

  it("a buffered body that stalls is a failed attempt", async () => {
    const slow = pieces();
    const answer = (_, init) => (slow.stops(init.signal), slow.push('{"ok":'), slow.response);
    const { client, clock } = setup({ timeouts: { attempt: "1s" } }, answer, json({ ok: true }));
    const call = watched(client.get("/x").json());
    await clock.pass(1500);
    assert.deepEqual(call.value, { ok: true });
  });

  it("a buffered body that breaks is a failed attempt", async () => {
    const broken = pieces();
    const answer = () => (
      broken.push("{"), setImmediate(() => broken.break(new TypeError("terminated"))), broken.response
    );
    const { client, clock, fetch } = setup({}, answer, json({ ok: true }));
    const call = watched(client.get("/x").json());
    await clock.pass(1000);
    assert.deepEqual(call.value, { ok: true });
    assert.equal(fetch.calls.length, 2);
  });

  it("a streamed body outlives the attempt's limit as long as pieces come", async () => {
    const slow = pieces();
    const answer = (_, init) => (slow.stops(init.signal), slow.response);
    const { client, clock } = setup({ timeouts: { attempt: "1s", idle: "1s" } }, answer);
    const response = await client.stream("GET", "/x");
    const text = watched(response.text());
    for (let i = 0; i < 5; i++) {
      await clock.pass(900);
      slow.push("x");
      await settled();
    }
    slow.end();
    await settled();
    assert.equal(text.value, "xxxxx");
  });

  it("a streamed body that stalls ends with TimeoutError, through text() and through the stream", async () => {
    for (const readIt of [(response) => response.text(), (response) => response.body.getReader().read()]) {
      const slow = pieces();
      const answer = (_, init) => (slow.stops(init.signal), slow.response);
      const { client, clock } = setup({ timeouts: { idle: "1s" } }, answer);
      const response = await client.stream("GET", "/x");
      const got = watched(readIt(response));
      await clock.pass(999);
      assert.equal(got.state, "pending");
      await clock.pass(1);
      assert.equal(got.error.name, "TimeoutError");
    }
  });

  it("time in which nobody reads does not count", async () => {
    const slow = pieces();
    const answer = (_, init) => (slow.stops(init.signal), slow.response);
    const { client, clock } = setup({ timeouts: { idle: "1s" } }, answer);
    const response = await client.stream("GET", "/x");
    await clock.pass(60_000);
    slow.push("late");
    slow.end();
    assert.equal(await response.text(), "late");
  });

  it("a body above maxBody is an error and is not fetched again", async () => {
    const { client, fetch } = setup({ maxBody: "1KiB" }, () => new Response("x".repeat(5000)));
    const error = await client
      .get("/x")
      .text()
      .catch((error) => error);
    assert.equal(error.reason, "misuse");
    assert.equal(fetch.calls.length, 1);
  });

  it("a per-call deadline bounds waits", async () => {
    const { client, clock } = setup({}, json({}, 503, { "retry-after": "30" }));
    const call = watched(client.get("/x", { deadline: 1000 }));
    await clock.pass(10);
    assert.equal(call.error.reason, "deadline");
    assert.equal(call.error.retryAfterMs, 30_000);
    assert.equal(call.error.retryAt.getTime(), clock.wall() - 10 + 30_000);
  });

  it("a wait is never shorter than asked, though timers fire early", async () => {
    const { client, clock, fetch } = setup({}, json({}, 503, { "retry-after": "2" }), json({}));
    const sent = [];
    fetch.calls.push = (call) => (sent.push(clock.time), Array.prototype.push.call(fetch.calls, call));
    const timer = clock.timer.bind(clock);
    clock.timer = (ms, then, quiet) => timer(quiet ? ms : Math.max(1, ms - 7), then, quiet);
    const call = watched(client.get("/x").json());
    await clock.pass(5000);
    assert.equal(call.state, "fulfilled");
    assert.ok(sent[1] - sent[0] >= 2000, `${sent[1] - sent[0]}`);
  });
});

describe("cancellation", () => {
  const reason = { why: "not an Error at all" };

  it("rejects with the caller's own reason before, in an attempt and in a wait, at once", async () => {
    for (const [answer, ms] of [
      [silent, 10],
      [json({}, 503), 10],
    ]) {
      const { client, clock, fetch } = setup({}, answer);
      const controller = new AbortController();
      const call = watched(client.get("/x", { signal: controller.signal }));
      await clock.pass(ms);
      controller.abort(reason);
      await settled();
      assert.equal(call.error, reason);
      assert.equal(fetch.calls.length, 1);
      assert.equal(client.snapshot().live, 0);
    }
    const { client, fetch } = setup({}, json({}));
    assert.equal(await client.get("/x", { signal: AbortSignal.abort(reason) }).catch((error) => error), reason);
    assert.equal(fetch.calls.length, 0);
  });

  it("rejects a read of a body that was handed out", async () => {
    const slow = pieces();
    const answer = (_, init) => (slow.stops(init.signal), slow.response);
    const { client } = setup({}, answer);
    const controller = new AbortController();
    const response = await client.stream("GET", "/x", { signal: controller.signal });
    const text = watched(response.text());
    await settled();
    controller.abort(reason);
    await settled();
    assert.equal(text.error, reason);
  });

  it("leaves one listener for any number of calls, and none after them", async () => {
    const { client, clock } = setup({}, silent);
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...given) => (listeners++, addEventListener.apply(signal, given));
    signal.removeEventListener = (...given) => (listeners--, removeEventListener.apply(signal, given));
    const calls = Array.from({ length: 20 }, () => watched(client.get("/x", { signal })));
    await settled();
    assert.equal(listeners, 1);
    await clock.pass(70_000);
    assert.ok(calls.every((call) => call.state === "rejected"));
    assert.equal(listeners, 0);
  });

  it("gives the place in the queue to the next", async () => {
    const { client, fetch } = setup({ concurrency: 1 }, silent, json({ ok: true }));
    const [first, second] = [new AbortController(), new AbortController()];
    const one = watched(client.get("/a", { signal: first.signal }));
    const two = watched(client.get("/b", { signal: second.signal }));
    const three = watched(client.get("/c").json());
    await settled();
    second.abort(reason);
    await settled();
    assert.equal(two.error, reason);
    first.abort(reason);
    await settled();
    assert.equal(one.error, reason);
    assert.deepEqual(three.value, { ok: true });
    assert.equal(fetch.calls.length, 2);
  });
});

describe("answers that are not delivered", () => {
  it("are read in part and cancelled by the end of the wait", async () => {
    const slow = pieces(503);
    let cancelled = false;
    const answer = (_, init) => {
      init.signal.addEventListener("abort", () => (cancelled = true));
      slow.stops(init.signal);
      slow.push("busy");
      return slow.response;
    };
    const { client, clock } = setup({}, answer, json({ ok: true }));
    const call = watched(client.get("/x").json());
    await clock.pass(1000);
    assert.ok(cancelled);
    assert.deepEqual(call.value, { ok: true });
  });

  it("keep 64 KiB for the error", async () => {
    const { client, clock } = setup(
      { retry: { attempts: 1 } },
      () => new Response("x".repeat(200_000), { status: 500 }),
    );
    const call = watched(client.get("/x"));
    await clock.pass(10);
    assert.equal(call.error.body.length, 65_536);
    assert.equal(call.error.reason, "status");
    assert.equal((await call.error.response.text()).length, 65_536);
  });
});

describe("mistakes", () => {
  it("an error of the caller's own code is rethrown untouched and not retried", async () => {
    const own = new RangeError("a hook of mine");
    const { client, fetch } = setup({}, () => Promise.reject(own));
    assert.equal(await client.get("/x").catch((error) => error), own);
    assert.equal(fetch.calls.length, 1);
  });

  it("a header that cannot be sent is the caller's mistake", async () => {
    const { client, fetch } = setup({}, (_, init) => Promise.reject(new TypeError(`no: ${new Headers(init.headers)}`)));
    await assert.rejects(client.get("/x", { headers: { "x-bad": "a\nb" } }), TypeError);
    assert.ok(fetch.calls.length <= 1);
  });

  it("a path that goes elsewhere is misuse and sends nothing", async () => {
    const { client, fetch } = setup({}, json({}));
    for (const path of ["orders", "/../x", "https://evil.example/"]) {
      const error = await client.get(path).catch((error) => error);
      assert.equal(error.reason, "misuse");
      assert.equal(error.outcome, "not-sent");
    }
    assert.equal(fetch.calls.length, 0);
  });

  it("a body that is no JSON raises the platform's error and is not retried; an empty one is undefined", async () => {
    const { client, fetch } = setup({}, new Response("<html>"), new Response(null, { status: 204 }), new Response(""));
    await assert.rejects(client.get("/x").json(), SyntaxError);
    assert.equal(await client.get("/x").json(), undefined);
    assert.equal(await client.get("/x").json(), undefined);
    assert.equal(fetch.calls.length, 3);
  });
});

describe("close", () => {
  it("ends waits, lets calls in flight deliver, refuses new ones", async () => {
    const flying = pieces();
    const { client, clock } = setup({}, json({}, 503), () => flying.response, json({}));
    const waiting = watched(client.get("/a"));
    await settled();
    const inFlight = watched(client.get("/b").text());
    await settled();
    client.close();
    await settled();
    assert.equal(waiting.error.reason, "closed");
    assert.equal(inFlight.state, "pending");
    flying.push("done");
    flying.end();
    await settled();
    assert.equal(inFlight.value, "done");
    await assert.rejects(client.get("/c"), (error) => error.reason === "closed" && error.outcome === "not-sent");
    await clock.pass(1);
    assert.ok(clock.pending.every((timer) => timer.quiet));
  });
});
