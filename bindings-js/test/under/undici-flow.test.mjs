// The interceptor in time: time limits, aborts in every phase, slow readers, pools that must not leak.

import assert from "node:assert/strict";
import { EventEmitter, getEventListeners, once } from "node:events";
import { describe, it } from "node:test";
import { settled, TestClock, watched } from "../kit.js";
import { QUICK, underEach, until } from "../shared/undici.js";

const silent = () => {};
const big = Buffer.alloc(300_000, "x");
/** Answers 503, with a body longer than the part that is retained. */
const refused = (_, response) => response.writeHead(503).end(big);

await underEach(({ errors, fetch, request }, setup) => {
  describe("time limits", () => {
    it("are those of the policy's own text, told as undici tells its own", async () => {
      const clock = new TestClock();
      const policy = { timeouts: { attempt: "10s" }, retry: { attempts: 2 } };
      const { base, seen, dispatcher, interceptor } = await setup(policy, [silent], { clock });
      const call = watched(fetch(base, { dispatcher }));
      await until(() => seen.length === 1);
      await clock.pass(9_999);
      assert.equal(call.state, "pending");
      // The rest of the body, the wait, and the second attempt.
      await clock.pass(1_000);
      await until(() => seen.length === 2);
      await clock.pass(10_000);
      await until(() => call.state !== "pending");
      assert.equal(call.error.message, "fetch failed");
      assert.ok(call.error.cause instanceof errors.HeadersTimeoutError);
      assert.equal(call.error.cause.code, "UND_ERR_HEADERS_TIMEOUT");
      assert.match(call.error.cause.message, /10000 ms/);
      assert.match(interceptor.explain(call.error), /2 attempts/);
    });

    it("are none where the text has none; undici's own stay", async () => {
      const clock = new TestClock();
      const long = await setup({}, [silent], { clock });
      const waiting = watched(request(long.base, { dispatcher: long.dispatcher }));
      await until(() => long.seen.length === 1);
      await clock.pass(600_000);
      assert.equal(waiting.state, "pending");
      const own = await setup({ retry: { attempts: 1 } }, [silent], {}, { headersTimeout: 50 });
      await assert.rejects(request(own.base, { dispatcher: own.dispatcher }), errors.HeadersTimeoutError);
    });

    it("idle runs between two pieces, not while the reader pauses", async () => {
      const clock = new TestClock();
      const policy = { timeouts: { idle: "10s" } };
      let answer;
      const slow = (_, response) => {
        answer = response;
        response.writeHead(200);
        response.write("one");
      };
      const { base, dispatcher } = await setup(policy, [slow], { clock });
      const { body } = await request(base, { dispatcher, highWaterMark: 1 });
      const pieces = body[Symbol.asyncIterator]();
      assert.equal(String((await pieces.next()).value), "one");
      await clock.pass(9_000);
      answer.write(big);
      let size = 0;
      while (size < big.length) {
        const { value } = await pieces.next();
        size += value.length;
        // A reader that waits between two pieces that have arrived.
        if (body.readableLength > 0) await clock.pass(60_000);
      }
      const last = watched(pieces.next());
      await clock.pass(9_999);
      assert.equal(last.state, "pending");
      await clock.pass(1);
      await until(() => last.state !== "pending");
      assert.ok(last.error instanceof errors.BodyTimeoutError, String(last.error));
    });
  });

  describe("an abort", () => {
    const reason = new Error("the caller's own");

    it("ends a wait at once, with the caller's reason, and leaves no listener", async () => {
      const clock = new TestClock();
      const { base, seen, dispatcher, interceptor } = await setup({}, [503], { clock });
      const controller = new AbortController();
      const { signal } = controller;
      const calls = [fetch(base, { dispatcher, signal }), request(base, { dispatcher, signal })].map(watched);
      await until(() => seen.length === 2 && interceptor.snapshot().inFlight === 0);
      controller.abort(reason);
      await until(() => calls.every(({ state }) => state === "rejected"));
      for (const { error } of calls) assert.equal(error, reason);
      assert.equal(getEventListeners(signal, "abort").length, 0);
      assert.equal(interceptor.snapshot().live, 0);
      const emitter = new EventEmitter();
      const other = watched(request(base, { dispatcher, signal: emitter }));
      await until(() => seen.length === 3 && interceptor.snapshot().inFlight === 0);
      emitter.emit("abort");
      await until(() => other.state === "rejected");
      assert.ok(other.error instanceof errors.RequestAbortedError);
    });

    it("ends a request in flight, and one that stands in the line for a connection", async () => {
      const { base, seen, dispatcher } = await setup(QUICK, [silent, 200], {}, { connections: 1 });
      const first = new AbortController();
      const second = new AbortController();
      const flying = watched(request(base, { dispatcher, signal: first.signal }));
      await until(() => seen.length === 1);
      const queued = watched(request(base, { dispatcher, signal: second.signal }));
      await settled();
      second.abort(reason);
      await until(() => queued.state === "rejected");
      assert.equal(queued.error, reason);
      assert.equal(flying.state, "pending");
      first.abort(reason);
      await until(() => flying.state === "rejected");
      assert.equal(flying.error, reason);
      assert.equal((await request(base, { dispatcher })).statusCode, 200);
      assert.equal(seen.length, 2);
    });

    it("before the start sends nothing", async () => {
      const { base, seen, dispatcher, interceptor } = await setup(QUICK, [200]);
      const signal = AbortSignal.abort(reason);
      await assert.rejects(request(base, { dispatcher, signal }), reason);
      await assert.rejects(fetch(base, { dispatcher, signal }), reason);
      assert.equal(seen.length, 0);
      assert.equal(interceptor.snapshot().begun, 0);
    });

    it("ends a body, as does the reader that leaves", async () => {
      const endless = (_, response) => {
        response.writeHead(200);
        response.write("one");
      };
      for (const policy of [QUICK, { timeouts: { attempt: "5s", idle: "5s" } }]) {
        const { base, dispatcher, connections } = await setup(policy, [endless]);
        const controller = new AbortController();
        const response = await fetch(base, { dispatcher, signal: controller.signal });
        const reader = response.body.getReader();
        assert.equal(String(Buffer.from((await reader.read()).value)), "one");
        controller.abort(reason);
        await assert.rejects(reader.read(), reason);
        const { body } = await request(base, { dispatcher });
        const left = body.destroy(reason);
        await assert.rejects(once(left, "end"), reason);
        await until(() => connections.every((socket) => socket.destroyed));
      }
    });
  });

  describe("a connection", () => {
    it("is given back by every refused answer before its wait is over: a pool of one is enough", async () => {
      const { base, seen, dispatcher, interceptor } = await setup(
        QUICK,
        [refused, refused, 200, refused, 503, 200],
        {},
        {
          connections: 1,
        },
      );
      for (const _ of [1, 2]) assert.equal((await fetch(base, { dispatcher })).status, 200);
      assert.equal(seen.length, 6);
      assert.equal(interceptor.snapshot().inFlight, 0);
      const calls = Array.from({ length: 20 }, async () => (await request(base, { dispatcher })).body.json());
      assert.equal((await Promise.all(calls)).length, 20);
    });

    it("a hundred calls at once over ten of them each get their own answer", async () => {
      let count = 0;
      const moody = (request, response) => {
        if (++count % 20 === 0) response.writeHead(503).end("busy");
        else response.end(request.url);
      };
      const { base, dispatcher, interceptor, connections } = await setup(QUICK, [moody], {}, { connections: 10 });
      const { signal } = new AbortController();
      const texts = await Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const url = `${base}/${at}`;
          if (at % 2 === 0) return (await fetch(url, { dispatcher })).text();
          return (await request(url, { dispatcher, signal: at % 20 === 1 ? signal : null })).body.text();
        }),
      );
      assert.deepEqual(
        texts,
        texts.map((_, at) => `/${at}`),
      );
      assert.ok(connections.length <= 10);
      assert.equal(interceptor.snapshot().live, 0);
      await until(() => getEventListeners(signal, "abort").length === 0);
    });

    it("is slowed by a slow reader, and loses nothing by it", async () => {
      let written = 0;
      let drained = 0;
      const flood = async (_, response) => {
        for (let at = 0; at < 200; at++) {
          written += big.length;
          if (!response.write(big)) {
            await once(response, "drain");
            drained++;
          }
        }
        response.end();
      };
      const { base, dispatcher } = await setup(QUICK, [flood]);
      const { body } = await request(base, { dispatcher });
      // Waits until the sockets of both sides are full.
      for (let before = -1; before !== written; ) {
        before = written;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(written < 100 * big.length, `${written} bytes were taken off a reader's hands`);
      let size = 0;
      for await (const piece of body) size += piece.length;
      assert.equal(size, 200 * big.length);
      assert.ok(drained > 0);
    });

    it("a handler that throws gets its own error back, once", async () => {
      const { base, dispatcher } = await setup(QUICK, [200]);
      for (const place of ["onRequestStart", "onResponseStart", "onResponseData", "onResponseEnd"]) {
        const told = [];
        const handler = {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData() {},
          onResponseEnd: () => told.push("end"),
          onResponseError: (_, error) => told.push(error),
          [place]() {
            throw new Error(place);
          },
        };
        dispatcher.dispatch({ origin: base, path: "/", method: "GET" }, handler);
        await until(() => told.length > 0);
        await settled();
        assert.deepEqual(
          told.map(({ message }) => message),
          [place],
        );
      }
    });
  });
});
