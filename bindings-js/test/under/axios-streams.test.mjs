// The adapter for axios with responseType `stream`: the stream comes at the headers, and refused answers are discarded.

import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { Agent, IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { after, describe, it } from "node:test";
import * as zlib from "node:zlib";
import axios from "axios";
import { createAdapter } from "unruffled/axios";
import { TestClock, watched } from "../kit.js";
import { served } from "../shared/served.js";
import { until } from "../shared/undici.js";

const QUICK = { retry: { base: "1ms" } };
const ends = [];
after(() => {
  for (const end of ends) end();
});

async function setup(policy, answers, inner, options = {}) {
  const server = await served(...answers);
  const adapter = createAdapter(axios, policy, { adapter: inner, ...options });
  const httpAgent = new Agent({ keepAlive: true, maxSockets: 1 });
  ends.push(() => (server.close(), httpAgent.destroy()));
  const api = axios.create({ baseURL: server.base, proxy: false, httpAgent, responseType: "stream", adapter });
  return { ...server, adapter, api };
}

/** Reads a stream of either kind whole. */
async function text(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** Makes an answer that sends headers and a first piece. The test sends more by `answer.response`. */
function begun() {
  const answer = (_, response) => {
    answer.response = response;
    response.writeHead(200);
    response.write("one,");
  };
  return answer;
}

for (const inner of ["http", "fetch"]) {
  const kind = inner === "http" ? Readable : ReadableStream;

  describe(`over ${inner}`, () => {
    it("a stream is delivered at its headers, after refusals whose streams were let go", async () => {
      const big = Buffer.alloc(300_000, "x");
      const refused = (_, response) => response.writeHead(503).end(big);
      const answer = begun();
      const { api, seen } = await setup(QUICK, [refused, 503, answer], inner);
      const { status, data } = await api.get("/x");
      assert.equal(status, 200);
      assert.ok(data instanceof kind);
      if (inner === "http") assert.ok(data instanceof IncomingMessage);
      answer.response.end("two");
      assert.equal(await text(data), "one,two");
      assert.equal(seen.length, 3);
    });

    it("the last refusal keeps its stream: as it comes, and after a wait as it was kept", async () => {
      const last = await setup({ ...QUICK, retry: { attempts: 1 } }, [503], inner);
      const error = await last.api.get("/x").catch((error) => error);
      assert.equal(await text(error.response.data), '{"status":503}');
      const { api, adapter } = await setup({}, [503], inner, { clock: new TestClock() });
      const call = api.get("/x").catch((error) => error);
      await until(() => adapter.snapshot().live === 1 && adapter.snapshot().inFlight === 0);
      adapter.close();
      const { code, response } = await call;
      assert.equal(code, "ERR_BAD_RESPONSE");
      assert.ok(response.data instanceof kind);
      assert.equal(await text(response.data), '{"status":503}');
    });

    it("a rule may read its start, and the caller still gets all of it", async () => {
      const whole = `{"error":{"code":"quota"},"more":"${"x".repeat(200_000)}"}`;
      const quota = (_, response) => response.writeHead(429).end(whole);
      const policy = { ...QUICK, classify: [{ status: 429, json: "/error/code", is: ["quota"], as: "fail" }] };
      const { api, seen } = await setup(policy, [quota], inner);
      const { response } = await api.get("/x").catch((error) => error);
      assert.equal(await text(response.data), whole);
      assert.equal(seen.length, 1);
    });

    it("idle runs between two pieces, and ends as a time limit of axios", async () => {
      const clock = new TestClock();
      const answer = begun();
      const { api } = await setup({ timeouts: { idle: "10s", attempt: "30s" } }, [answer], inner, { clock });
      const { data } = await api.get("/x");
      assert.ok(data instanceof kind);
      const pieces = data[Symbol.asyncIterator]();
      assert.equal(Buffer.from((await pieces.next()).value).toString(), "one,");
      const second = watched(pieces.next());
      await clock.pass(9_000);
      answer.response.write("two");
      await until(() => second.state === "fulfilled");
      const third = watched(pieces.next());
      await clock.pass(9_999);
      assert.equal(third.state, "pending");
      await clock.pass(1);
      await until(() => third.state === "rejected");
      assert.equal(third.error.code, "ETIMEDOUT");
      assert.ok(third.error instanceof axios.AxiosError);
    });

    it("one that breaks says so to the reader and is not sent again", async () => {
      for (const policy of [QUICK, { ...QUICK, timeouts: { idle: "10s" } }]) {
        const answer = begun();
        const { api, seen } = await setup(policy, [answer, 200], inner);
        const { data } = await api.get("/x");
        answer.response.destroy();
        await assert.rejects(text(data));
        assert.equal(seen.length, 1);
      }
    });

    it("the caller's signal ends it, his leaving ends the connection, and nobody listens in the end", async () => {
      for (const policy of [QUICK, { timeouts: { attempt: "10s" } }, { timeouts: { idle: "10s" } }]) {
        const { api, connections } = await setup(policy, [begun()], inner);
        const controller = new AbortController();
        const { signal } = controller;
        const first = await api.get("/x", { signal });
        const read = watched(text(first.data));
        controller.abort();
        await until(() => read.state === "rejected");
        assert.ok(axios.isCancel(read.error) || read.error.name === "AbortError" || read.error.code === "ECONNRESET");
        await until(() => getEventListeners(signal, "abort").length === 0);
        // axios's fetch adapter passes neither to its connection, also without this package.
        if (inner === "fetch") continue;
        const { data } = await api.get("/x");
        data.destroy();
        if (!data.closed) await once(data, "close");
        await until(() => connections.every((socket) => socket.destroyed));
      }
    });

    it("the caller's token ends it too, alone and beside a signal, and nobody listens in the end", async () => {
      for (const beside of [undefined, new AbortController().signal]) {
        for (const policy of [QUICK, { timeouts: { attempt: "10s" } }, { timeouts: { idle: "10s" } }]) {
          const { api } = await setup(policy, [begun(), 200], inner);
          const { token, cancel } = axios.CancelToken.source();
          const { data } = await api.get("/x", { cancelToken: token, signal: beside });
          const read = watched(text(data));
          cancel("enough");
          await until(() => read.state === "rejected");
          const open = axios.CancelToken.source().token;
          await text((await api.get("/x", { cancelToken: open, signal: beside })).data);
          await until(() => (open._listeners?.length ?? 0) === 0);
          if (beside !== undefined) await until(() => getEventListeners(beside, "abort").length === 0);
        }
      }
    });

    it("one that is read to its end leaves no listener", async () => {
      for (const policy of [QUICK, { timeouts: { attempt: "10s" } }, { timeouts: { idle: "10s" } }]) {
        const { api } = await setup(policy, [503, 200], inner);
        const { signal } = new AbortController();
        const { data } = await api.get("/x", { signal });
        assert.equal(await text(data), '{"status":200}');
        await until(() => getEventListeners(signal, "abort").length === 0);
      }
    });
  });
}

/** A body that is sent in many pieces. */
const LONG = Array.from({ length: 60_000 }, (_, at) => (at * 7919) % 10_007).join();
const CODINGS = {
  gzip: zlib.gzipSync(LONG),
  compress: zlib.gzipSync(LONG),
  br: zlib.brotliCompressSync(LONG),
  deflate: zlib.deflateSync(LONG),
  "deflate without its head": zlib.deflateRawSync(LONG),
  // Since Node 22.15.
  ...(zlib.zstdCompressSync === undefined ? {} : { zstd: zlib.zstdCompressSync(LONG) }),
};

/** Sends the first `length` bytes in intact framing. */
const coded =
  (name, bytes, length, status = 200) =>
  (_, response) => {
    const head = { "content-encoding": name.split(" ")[0], "content-length": length };
    response.writeHead(status, head).end(bytes.subarray(0, length));
  };

describe("a compressed stream over http", () => {
  for (const [name, bytes] of Object.entries(CODINGS)) {
    it(`${name}: whole as ever, cut an error for its reader, with idle and without`, async () => {
      for (const policy of [QUICK, { ...QUICK, timeouts: { idle: "10s" } }]) {
        const whole = coded(name, bytes, bytes.length);
        const cut = coded(name, bytes, bytes.length >> 1);
        const { api, seen } = await setup(policy, [503, whole, cut], "http");
        const { data, headers } = await api.get("/x");
        assert.ok(data instanceof Readable);
        assert.equal(headers["content-encoding"], undefined);
        assert.equal(await text(data), LONG);
        const broken = await api.get("/x");
        const error = await text(broken.data).catch((error) => error);
        assert.ok(error instanceof axios.AxiosError, String(error));
        assert.equal(error.code, "ERR_BAD_RESPONSE");
        assert.match(error.message, /the compressed body ends before its stream does/);
        assert.equal(seen.length, 3);
      }
    });
  }

  const { gzip } = CODINGS;
  const over = async (...answers) => (await setup(QUICK, answers, "http")).api;

  it("a status from 400 on has its stream, cut or whole", async () => {
    const api = await over(coded("gzip", gzip, gzip.length, 404), coded("gzip", gzip, gzip.length >> 1, 404));
    for (const cut of [false, true]) {
      const { response } = await api.get("/x").catch((error) => error);
      assert.equal(response.status, 404);
      if (cut) await assert.rejects(text(response.data), { code: "ERR_BAD_RESPONSE" });
      else assert.equal(await text(response.data), LONG);
    }
  });

  it("nothing, nonsense and what is too long end as with axios alone", async () => {
    const junk = Buffer.from("this is no gzip");
    const answers = [coded("gzip", gzip, 0), coded("gzip", junk, junk.length), coded("gzip", gzip, gzip.length)];
    const api = await over(...answers);
    const plain = await served(...answers);
    ends.push(() => plain.close());
    const bare = axios.create({ baseURL: plain.base, proxy: false, responseType: "stream" });
    for (const options of [{}, {}, { maxContentLength: 200_000 }]) {
      const read = async (from) => {
        const { data } = await from.get("/x", options);
        return text(data).catch(({ code, message }) => `${code} ${message}`);
      };
      assert.equal(await read(api), await read(bare));
    }
  });

  it("who leaves ends the connection, before the first piece and after it", async () => {
    const answer = (_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      response.write(gzip.subarray(0, gzip.length >> 1));
    };
    for (const before of [true, false]) {
      const { api, connections } = await setup(QUICK, [answer], "http");
      const { data } = await api.get("/x");
      if (!before) await data[Symbol.asyncIterator]().next();
      data.destroy();
      await until(() => connections.every((socket) => socket.destroyed));
    }
  });

  it("a connection that breaks says so, and decompress: false leaves the bytes", async () => {
    const answer = (_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      response.write(gzip.subarray(0, 100), () => response.destroy());
    };
    const api = await over(answer, coded("gzip", gzip, gzip.length));
    const { data } = await api.get("/x");
    await assert.rejects(text(data), { code: "ECONNRESET" });
    const raw = await api.get("/x", { decompress: false });
    assert.equal(raw.headers["content-encoding"], "gzip");
    const pieces = [];
    for await (const piece of raw.data) pieces.push(piece);
    assert.ok(Buffer.concat(pieces).equals(gzip));
  });
});
