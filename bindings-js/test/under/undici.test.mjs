// The interceptor under undici over real sockets, in each major version that this Node can load. Results, errors and
// controls are those of undici without it.

import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { CallError } from "unruffled";
import { createInterceptor } from "unruffled/undici";
import { TestClock } from "../kit.js";
import { lost, nowhere } from "../shared/served.js";
import { QUICK, underEach, until } from "../shared/undici.js";

const KEYED = { ...QUICK, idempotency: { header: "Idempotency-Key" } };

await underEach(({ errors, fetch, FormData, Headers, interceptors, MockAgent, request, upgrade }, setup) => {
  describe("answers", () => {
    it("fetch, request, stream and the instance's methods each get the third attempt", async () => {
      const kinds = {
        fetch: async (base, dispatcher) => (await fetch(base, { dispatcher })).json(),
        request: async (base, dispatcher) => (await request(base, { dispatcher })).body.json(),
        method: async (base, dispatcher) =>
          (await dispatcher.request({ origin: base, path: "/", method: "GET" })).body.json(),
        async stream(base, dispatcher) {
          const sink = new PassThrough();
          await dispatcher.stream({ origin: base, path: "/", method: "GET" }, () => sink);
          return JSON.parse(Buffer.concat(await sink.toArray()));
        },
      };
      for (const [kind, call] of Object.entries(kinds)) {
        const { base, seen, dispatcher } = await setup(QUICK, [503, 503, 200]);
        assert.deepEqual(await call(base, dispatcher), { status: 200 }, kind);
        assert.equal(seen.length, 3, kind);
      }
    });

    it("are what undici gives without it: lines, trailers, raw headers, address", async () => {
      const lines = ["Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-Name", "caf\u00e9", "Trailer", "x-sum", "Date", "x"];
      const answer = (_, response) => {
        response.writeHead(201, "Made", lines);
        response.write("one,");
        response.addTrailers({ "x-sum": "7" });
        response.end("two");
      };
      const { base, agent, dispatcher } = await setup(QUICK, [answer]);
      const told = async (through, responseHeaders) => {
        const { body, context, opaque, ...rest } = await request(base, { dispatcher: through, responseHeaders });
        return { ...rest, text: await body.text(), trailers: rest.trailers };
      };
      // An interceptor that changes nothing: with any interceptor undici 7 gives raw headers in another form.
      const plain = agent.compose((dispatch) => (options, handler) => dispatch(options, handler));
      assert.deepEqual(await told(dispatcher), await told(plain));
      assert.deepEqual(await told(dispatcher, "raw"), await told(plain, "raw"));
      const response = await fetch(base, { dispatcher });
      assert.equal(response.url, `${base}/`);
      assert.equal(response.statusText, "Made");
      assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
      assert.equal(await response.text(), "one,two");
    });

    it("without a body, of HEAD and with an encoding", async () => {
      const empty = (status) => (_, response) => response.writeHead(status).end();
      const packed = (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("unpacked"));
      const { base, dispatcher } = await setup(QUICK, [empty(204), empty(304), 200, packed]);
      assert.equal((await fetch(base, { dispatcher })).status, 204);
      assert.equal((await fetch(base, { dispatcher })).status, 304);
      assert.equal((await fetch(base, { method: "HEAD", dispatcher })).status, 200);
      assert.equal(await (await fetch(base, { dispatcher })).text(), "unpacked");
    });

    it("a status from 400 on is returned with its body: 404 at once, 503 after all attempts", async () => {
      const { base, seen, dispatcher, interceptor } = await setup(QUICK, [404, 503]);
      assert.deepEqual(await (await fetch(base, { dispatcher })).json(), { status: 404 });
      const data = await request(base, { dispatcher });
      assert.equal(data.statusCode, 503);
      assert.deepEqual(await data.body.json(), { status: 503 });
      assert.equal(seen.length, 5);
      assert.match(interceptor.explain(data), /4 attempts/);
    });

    it("one that was kept over a wait is returned where the wait ends the call", async () => {
      const { base, dispatcher, interceptor } = await setup({}, [503], { clock: new TestClock() });
      const call = fetch(base, { dispatcher });
      await until(() => interceptor.snapshot().live === 1 && interceptor.snapshot().inFlight === 0);
      interceptor.close();
      const response = await call;
      assert.equal(response.status, 503);
      assert.deepEqual(await response.json(), { status: 503 });
    });

    it("a rule may read the start of a body, and the caller still gets all of it", async () => {
      const text = `{"error":{"code":"quota"},"more":"${"x".repeat(200_000)}"}`;
      const quota = (_, response) => response.writeHead(429).end(text);
      const policy = { ...QUICK, classify: [{ status: 429, json: "/error/code", is: ["quota"], as: "fail" }] };
      const { base, seen, dispatcher } = await setup(policy, [quota]);
      const response = await fetch(base, { dispatcher });
      assert.equal(response.status, 429);
      assert.equal(await response.text(), text);
      assert.equal(seen.length, 1);
    });

    it("news before an answer is passed on", async () => {
      const early = (_, response) => response.writeEarlyHints({ link: "</a>; rel=preload" }, () => response.end("x"));
      const { base, dispatcher } = await setup(QUICK, [early]);
      const told = [];
      const { body } = await request(base, { dispatcher, onInfo: ({ statusCode }) => told.push(statusCode) });
      assert.equal(await body.text(), "x");
      assert.deepEqual(told, [103]);
    });

    it("with buffer: true a body larger than what a socket gives at once is read whole, of an error too", async () => {
      const large = Buffer.alloc(1_000_000, "x");
      for (const status of [200, 503]) {
        const answer = (_, response) => response.writeHead(status).end(large);
        const { base, dispatcher } = await setup(QUICK, [answer], { buffer: true });
        const { statusCode, body } = await request(base, { dispatcher });
        assert.equal(statusCode, status);
        assert.deepEqual(Buffer.from(await body.arrayBuffer()), large);
      }
    });

    it("with buffer: true a body that breaks is fetched again, without it the caller hears of it", async () => {
      const broken = (_, response) => {
        response.writeHead(200, { "content-length": 100 });
        response.write("half", () => response.destroy());
      };
      const whole = await setup(QUICK, [broken, 200], { buffer: true });
      assert.deepEqual(await (await fetch(whole.base, { dispatcher: whole.dispatcher })).json(), { status: 200 });
      assert.equal(whole.seen.length, 2);
      const streamed = await setup(QUICK, [broken, 200]);
      await assert.rejects(
        async () => (await fetch(streamed.base, { dispatcher: streamed.dispatcher })).text(),
        TypeError,
      );
      assert.equal(streamed.seen.length, 1);
    });
  });

  describe("requests", () => {
    it("whose body is in memory are sent whole on every attempt", async () => {
      const data = new FormData();
      data.append("name", "value");
      for (const body of ["text", Buffer.from("text"), new Uint8Array([116, 101, 120, 116]), data]) {
        const { base, seen, dispatcher } = await setup(QUICK, [503, 200]);
        const { statusCode } = await request(base, { dispatcher, method: "PUT", body });
        assert.equal(statusCode, 200);
        assert.equal(seen.length, 2);
        for (const { body: text } of seen) assert.match(text, body === data ? /name="name"\r\n\r\nvalue/ : /^text$/);
      }
    });

    it("and so are all bodies of fetch whose length is known", async () => {
      const data = new FormData();
      data.append("name", "value");
      for (const body of ["text", new URLSearchParams("name=value"), new Blob(["text"]), data]) {
        const { base, seen, dispatcher } = await setup(QUICK, [503, 200]);
        assert.equal((await fetch(base, { dispatcher, method: "PUT", body })).status, 200);
        assert.equal(seen.length, 2);
        assert.equal(seen[0].body, seen[1].body);
        assert.ok(seen[0].body.length > 3);
        assert.deepEqual(seen[0].headers, seen[1].headers);
      }
    });

    it("whose body comes but once are sent once, never again and empty", async () => {
      const pieces = ["te", "xt"];
      const bodies = {
        stream: () => Readable.from(pieces),
        async *generator() {
          yield* pieces.map((piece) => Buffer.from(piece));
        },
      };
      for (const [kind, body] of Object.entries(bodies)) {
        const { base, seen, dispatcher } = await setup(QUICK, [503, 200]);
        assert.equal((await request(base, { dispatcher, method: "PUT", body: body() })).statusCode, 503, kind);
        assert.deepEqual(
          seen.map(({ body }) => body),
          ["text"],
        );
      }
      const { base, seen, dispatcher } = await setup(QUICK, [503, 200]);
      const body = ReadableStream.from(pieces.map((piece) => Buffer.from(piece)));
      assert.equal((await fetch(base, { dispatcher, method: "PUT", body, duplex: "half" })).status, 503);
      assert.equal(seen.length, 1);
    });

    it("carry the policy's key, the same on each attempt, beside headers of every form", async () => {
      const forms = [
        { "X-A": "b" },
        ["X-A", "b"],
        new Headers({ "X-A": "b" }),
        new Map([["X-A", "b"]]),
        { "X-A": "b", other: undefined },
      ];
      for (const headers of forms) {
        const { base, seen, dispatcher } = await setup(KEYED, [503, 200]);
        const { statusCode } = await request(base, { dispatcher, method: "POST", body: "x", headers });
        assert.equal(statusCode, 200);
        const [first, second] = seen.map((each) => each.headers);
        assert.equal(first["x-a"], "b");
        assert.equal(first["idempotency-key"].length, 36);
        assert.deepEqual(first, second);
      }
      const all = { ...QUICK, idempotency: { header: "Idempotency-Key", methods: ["POST", "PUT"] } };
      for (const method of ["POST", "PUT"]) {
        const { base, seen, dispatcher } = await setup(all, [503, 200]);
        await request(base, { dispatcher, method, headers: { "idempotency-key": "mine" } });
        const keys = seen.map(({ headers }) => headers["idempotency-key"]);
        assert.deepEqual(keys, ["mine", "mine"], method);
      }
    });

    it("carry nothing else, and are none of its business where they are no calls", async () => {
      const { server, base, seen, agent, dispatcher, interceptor } = await setup(QUICK, [200]);
      for (const through of [agent, dispatcher]) await request(base, { dispatcher: through, headers: { a: "b" } });
      assert.deepEqual(seen[0].headers, seen[1].headers);
      server.server.on("upgrade", (_, socket) => {
        socket.end("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhello");
      });
      const { socket } = await upgrade(base, { dispatcher, protocol: "echo" });
      assert.equal(String(Buffer.concat(await socket.toArray())), "hello");
      assert.equal(interceptor.snapshot().begun, 1);
    });

    it("that undici refuses are refused as by undici, once", async () => {
      const { base, seen, dispatcher, interceptor } = await setup(QUICK, [200]);
      const wrong = { dispatcher, headers: { "bad name": "x" } };
      await assert.rejects(request(base, wrong), errors.InvalidArgumentError);
      await assert.rejects(dispatcher.request({ origin: base, method: "GET" }), errors.InvalidArgumentError);
      await assert.rejects(request(base, { dispatcher, headers: 7 }), errors.InvalidArgumentError);
      assert.equal(seen.length, 0);
      assert.equal(interceptor.snapshot().attempts, 2);
    });
  });

  describe("errors", () => {
    it("the last one of undici is raised as it was, in fetch as the cause", async () => {
      const base = await nowhere();
      const { dispatcher, interceptor } = await setup(QUICK, [200]);
      const error = await request(base, { dispatcher }).catch((error) => error);
      assert.equal(error.code, "ECONNREFUSED");
      assert.match(interceptor.explain(error), /4 attempts/);
      const failed = await fetch(base, { dispatcher }).catch((error) => error);
      assert.equal(failed.message, "fetch failed");
      assert.ok(failed instanceof TypeError);
      assert.equal(failed.cause.code, "ECONNREFUSED");
      assert.match(interceptor.explain(failed), /4 attempts/);
    });

    it("a POST without a key is sent once when its answer is lost, and again when it was never sent", async () => {
      const once = await setup(QUICK, [lost, 200]);
      await assert.rejects(
        request(once.base, { dispatcher: once.dispatcher, method: "POST", body: "x" }),
        errors.SocketError,
      );
      assert.equal(once.seen.length, 1);
      const { dispatcher, interceptor } = await setup(QUICK, [200]);
      const post = request(await nowhere(), { dispatcher, method: "POST", body: "x" });
      await assert.rejects(post, { code: "ECONNREFUSED" });
      assert.equal(interceptor.snapshot().attempts, 4);
    });

    it("a POST that was redirected to where nobody listens has been sent", async () => {
      const away = { location: `${await nowhere()}/x` };
      const { base, seen, agent, interceptor } = await setup(QUICK, [
        (_, response) => response.writeHead(307, away).end(),
      ]);
      const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 3 }), interceptor);
      await assert.rejects(request(base, { dispatcher, method: "POST", body: "x" }), { code: "ECONNREFUSED" });
      assert.equal(seen.length, 1);
    });

    it("where nothing was sent they are undici's own, with the CallError as cause", async () => {
      const closed = await setup(QUICK, [200]);
      closed.interceptor.close();
      const ended = await request(closed.base, { dispatcher: closed.dispatcher }).catch((error) => error);
      assert.ok(ended instanceof errors.ClientClosedError);
      assert.ok(ended instanceof errors.UndiciError);
      assert.ok(ended.cause instanceof CallError);
      assert.equal(ended.cause.reason, "closed");

      const limits = [{ name: "one", rate: 1, per: "1h", burst: 1 }];
      const limited = await setup({ ...QUICK, limits }, [200]);
      const call = () => request(`${limited.base}/x?secret=1`, { dispatcher: limited.dispatcher });
      await call();
      const error = await call().catch((error) => error);
      assert.ok(error instanceof errors.SocketError, error.name);
      assert.equal(error.cause.reason, "rate-limited");
      assert.doesNotMatch(`${error.message}${error.cause.message}`, /secret/);

      const clock = new TestClock();
      const late = await setup({ concurrency: 1, timeouts: { total: "5s" } }, [() => {}], { clock });
      const calls = [1, 2].map(() => request(late.base, { dispatcher: late.dispatcher }).catch((error) => error));
      await until(() => late.seen.length === 1 && late.interceptor.snapshot().waiting === 1);
      await clock.pass(5_000);
      const deadline = await calls[1];
      assert.ok(deadline instanceof errors.ConnectTimeoutError);
      assert.equal(deadline.cause.reason, "deadline");
    });

    it("a dispatcher that was closed, a mock without an answer and an older undici say so once", async () => {
      const { base, agent, dispatcher, interceptor } = await setup(QUICK, [200]);
      await agent.close();
      await assert.rejects(request(base, { dispatcher }), errors.UndiciError);
      assert.equal(interceptor.snapshot().attempts, 1);
      const mock = new MockAgent();
      mock.disableNetConnect();
      mock.get("https://a.example").intercept({ path: "/x" }).reply(503).times(1);
      mock.get("https://a.example").intercept({ path: "/x" }).reply(200, "mocked");
      const mocked = mock.compose(createInterceptor(QUICK));
      assert.equal(await (await request("https://a.example/x", { dispatcher: mocked })).body.text(), "mocked");
      const none = await request("https://a.example/x", { dispatcher: mocked }).catch((error) => error);
      assert.equal(none.code, "UND_MOCK_ERR_MOCK_NOT_MATCHED");
      const old = createInterceptor(QUICK)(() => true);
      assert.throws(() => old({ origin: base, path: "/", method: "GET" }, { onConnect() {} }), /undici 7/);
    });
  });
});
