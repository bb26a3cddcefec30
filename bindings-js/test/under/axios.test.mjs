// The adapter under axios over real sockets, with each adapter that Node has. Results, errors and cancellation are those of
// axios without it.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { after, describe, it } from "node:test";
import axios from "axios";
import { CallError, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { TestClock } from "../kit.js";
import { lost, nowhere, served } from "../shared/served.js";
import { until } from "../shared/undici.js";

const QUICK = { retry: { base: "1ms" } };
const KEYED = { ...QUICK, idempotency: { header: "Idempotency-Key" } };
// A package that axios installs.
const PackageForm = createRequire(createRequire(import.meta.url).resolve("axios"))("form-data");

const ends = [];
after(() => {
  for (const end of ends) end();
});

/** Starts a server with these answers, and makes an instance of axios with the adapter for it. */
async function setup(policy, answers, { config = {}, ...options } = {}) {
  const server = await served(...answers);
  const adapter = createAdapter(axios, policy, options);
  ends.push(() => server.close());
  return { ...server, adapter, api: axios.create({ baseURL: server.base, proxy: false, ...config, adapter }) };
}

for (const inner of ["http", "fetch"]) {
  describe(`over ${inner}`, () => {
    it("the third attempt is the answer, as axios gives it", async () => {
      const { api, seen, base, adapter } = await setup(QUICK, [503, 503, 200], { adapter: inner });
      const response = await api.get("/x", { params: { secret: 1 }, headers: { "X-A": "b" } });
      const plain = await axios.get(`${base}/x`, {
        adapter: inner,
        proxy: false,
        params: { secret: 1 },
        headers: { "X-A": "b" },
      });
      assert.equal(seen.length, 4);
      assert.deepEqual(seen[2].headers, seen[3].headers);
      assert.deepEqual(response.data, { status: 200 });
      assert.equal(response.headers.constructor, plain.headers.constructor);
      assert.deepEqual(Object.keys(response).sort(), Object.keys(plain).sort());
      assert.deepEqual(Object.keys(response.config).sort(), [...Object.keys(plain.config), "baseURL"].sort());
      assert.equal(response.config.adapter, adapter);
      assert.equal(response.config.signal, undefined);
      assert.match(adapter.explain(response), /3 attempts/);
    });

    it("validateStatus decides what is an error, after the core has decided what is an answer", async () => {
      const { api, seen, adapter } = await setup(QUICK, [404, 503], { adapter: inner });
      const missing = await api.get("/x").catch((error) => error);
      assert.ok(missing instanceof axios.AxiosError);
      assert.equal(missing.code, "ERR_BAD_REQUEST");
      assert.equal(missing.message, "Request failed with status code 404");
      assert.deepEqual(missing.response.data, { status: 404 });
      assert.equal(missing.config.adapter, adapter);
      assert.equal(missing.response.config, missing.config);
      assert.equal(missing.config.validateStatus, axios.defaults.validateStatus);
      const busy = await api.get("/x").catch((error) => error);
      assert.equal(busy.code, "ERR_BAD_RESPONSE");
      assert.equal(seen.length, 5);
      assert.match(adapter.explain(busy), /4 attempts/);
      for (const validateStatus of [null, () => true]) {
        const other = await setup(QUICK, [503], { adapter: inner });
        assert.equal((await other.api.get("/x", { validateStatus })).status, 503);
        assert.equal(other.seen.length, 4);
      }
      const none = await setup(QUICK, [200], { adapter: inner });
      await assert.rejects(none.api.get("/x", { validateStatus: () => false }), { code: "ERR_BAD_RESPONSE" });
      assert.equal(none.seen.length, 1);
    });

    it("bodies in memory are sent whole on every attempt, others once", async () => {
      const form = new FormData();
      form.append("name", "value");
      const whole = [
        "text",
        { json: "text" },
        Buffer.from("text"),
        new URLSearchParams({ text: "1" }),
        new Blob(["text"]),
        form,
      ];
      for (const data of whole) {
        const { api, seen } = await setup(QUICK, [503, 200], { adapter: inner });
        assert.equal((await api.put("/x", data)).status, 200);
        assert.equal(seen.length, 2);
        for (const { body } of seen) assert.match(body, data === form ? /name="name"\r\n\r\nvalue/ : /text/);
        assert.equal(seen[0].headers["content-type"]?.split(";")[0], seen[1].headers["content-type"]?.split(";")[0]);
      }
      const packaged = new PackageForm();
      packaged.append("name", "text");
      const streams = inner === "http" ? [Readable.from(["text"]), packaged] : [new Response("text").body];
      for (const data of streams) {
        const { api, seen } = await setup(QUICK, [503, 200], { adapter: inner });
        await assert.rejects(api.put("/x", data), { code: "ERR_BAD_RESPONSE" });
        assert.equal(seen.length, 1);
        assert.match(seen[0].body, /text/);
      }
    });

    it("the policy's key is the same on each attempt, another for another call, and the caller's own wins", async () => {
      const { api, seen } = await setup(KEYED, [503, 200, 503, 200, 503, 200], { adapter: inner });
      const { config } = await api.post("/x", { a: 1 });
      // As an interceptor that has a new token.
      await api.request(config);
      await api.post("/x", {}, { headers: { "idempotency-key": "mine" } });
      const keys = seen.map(({ headers }) => headers["idempotency-key"]);
      assert.equal(keys[0].length, 36);
      assert.equal(keys[0], keys[1]);
      assert.equal(keys[2], keys[3]);
      assert.notEqual(keys[1], keys[2]);
      assert.deepEqual(keys.slice(4), ["mine", "mine"]);
      const all = { ...QUICK, idempotency: { header: "Idempotency-Key", methods: ["PUT"] } };
      const put = await setup(all, [503, 200], { adapter: inner });
      await put.api.put("/x", {}, { headers: { "idempotency-key": "mine" } });
      assert.deepEqual(
        put.seen.map(({ headers }) => headers["idempotency-key"]),
        ["mine", "mine"],
      );
    });

    it("network errors are raised as axios makes them", async () => {
      const { api, adapter } = await setup(QUICK, [200], { adapter: inner });
      const url = `${await nowhere()}/x`;
      const error = await api.get(url).catch((error) => error);
      const plain = await axios.get(url, { adapter: inner, proxy: false }).catch((error) => error);
      assert.ok(error instanceof axios.AxiosError);
      for (const key of ["code", "name", "message"])
        assert.equal(error[key].replace(/\d{4,}/, ""), plain[key].replace(/\d{4,}/, ""));
      assert.equal(error.config.adapter, adapter);
      assert.match(adapter.explain(error), /4 attempts/);
      const wrong = await setup(QUICK, [200], { adapter: inner });
      await assert.rejects(wrong.api.get("/x", { headers: { "x-a": "\u{1F600}" }, maxContentLength: 1 }));
      assert.equal(wrong.adapter.snapshot().attempts, 1);
    });

    it("a POST without a key is sent once when its answer is lost, and again when it was never sent", async () => {
      const once = await setup(QUICK, [lost, 200], { adapter: inner });
      await assert.rejects(once.api.post("/x", {}), axios.AxiosError);
      assert.equal(once.seen.length, 1);
      await assert.rejects(once.api.post(`${await nowhere()}/x`, {}), axios.AxiosError);
      assert.equal(once.adapter.snapshot().attempts, 5);
    });

    it("its own timeout is that of each attempt, and no proof that nothing was sent", async () => {
      for (const clarifyTimeoutError of [false, true]) {
        const transitional = { clarifyTimeoutError };
        const config = { timeout: 60, transitional };
        const { api, seen } = await setup(QUICK, [() => {}, 200, () => {}], { adapter: inner, config });
        assert.equal((await api.get("/x")).status, 200);
        const error = await api.post("/x", {}).catch((error) => error);
        assert.equal(error.code, clarifyTimeoutError || inner === "fetch" ? "ETIMEDOUT" : "ECONNABORTED");
        assert.match(error.message, /timeout of 60ms/);
        assert.equal(seen.length, 3);
      }
    });

    it("a limit of the policy's text is ETIMEDOUT; without one there is none", async () => {
      const clock = new TestClock();
      const policy = { timeouts: { attempt: "10s" }, retry: { attempts: 1 } };
      const limited = await setup(policy, [() => {}], { adapter: inner, clock });
      const call = limited.api.get("/x").catch((error) => error);
      await until(() => limited.seen.length === 1);
      await clock.pass(10_000);
      const error = await call;
      assert.ok(error instanceof axios.AxiosError);
      assert.equal(error.code, "ETIMEDOUT");
      assert.match(error.message, /timed out/);
      assert.equal(axios.isCancel(error), false);
      assert.match(limited.adapter.explain(error), /1 attempt/);
      const free = await setup({}, [() => {}], { adapter: inner, clock });
      let over = false;
      const controller = new AbortController();
      const silent = free.api.get("/x", { signal: controller.signal }).catch(() => {
        over = true;
      });
      await until(() => free.seen.length === 1);
      await clock.pass(600_000);
      assert.equal(over, false);
      controller.abort();
      await silent;
    });

    it("a cancellation is axios's own, in a wait and in flight, and leaves no listener", async () => {
      for (const policy of [{}, { timeouts: { attempt: "10s" } }]) {
        for (const answer of [503, () => {}]) {
          const clock = new TestClock();
          const { api, seen, adapter } = await setup(policy, [answer], { adapter: inner, clock });
          const controller = new AbortController();
          const source = axios.CancelToken.source();
          const ways = [{ signal: controller.signal }, { cancelToken: source.token }];
          const calls = ways.map((way) => api.get("/x", way).catch((error) => error));
          await until(() => seen.length === 2 && (answer !== 503 || adapter.snapshot().inFlight === 0));
          controller.abort(new Error("the caller's own"));
          source.cancel("enough");
          const [bySignal, byToken] = await Promise.all(calls);
          assert.ok(axios.isCancel(bySignal) && bySignal instanceof axios.CanceledError);
          assert.ok(axios.isCancel(byToken));
          assert.equal(byToken.message, "enough");
          assert.equal(adapter.snapshot().live, 0);
          assert.equal(seen.length, 2);
        }
      }
      const { api } = await setup(QUICK, [503, 200], { adapter: inner });
      const { token } = axios.CancelToken.source();
      await api.get("/x", { cancelToken: token });
      await new Promise(setImmediate);
      assert.equal((token._listeners ?? []).length, 0);
    });

    it("a rule may read a body below 400 and above, and the caller still gets it", async () => {
      const classify = [{ status: [200, 429], json: "/error/code", is: ["busy"], as: "retry" }];
      const busy = (status) => (_, response) => response.writeHead(status).end('{"error":{"code":"busy"}}');
      const { api, seen } = await setup({ ...QUICK, classify }, [busy(200), busy(429), 200], { adapter: inner });
      assert.deepEqual((await api.get("/x")).data, { status: 200 });
      assert.equal(seen.length, 3);
      const last = await setup({ retry: { attempts: 1 }, classify }, [busy(200)], { adapter: inner });
      assert.deepEqual((await last.api.get("/x")).data, { error: { code: "busy" } });
    });

    it("progress is told, redirects are followed, and what is no call over HTTP is left alone", async () => {
      const away = (_, response) => response.writeHead(302, { location: "/there" }).end();
      const { api, seen, adapter } = await setup(QUICK, [503, away, 200], { adapter: inner });
      const told = [];
      await api.get("/x", { onDownloadProgress: ({ loaded }) => told.push(loaded) });
      assert.ok(told.length > 0);
      assert.deepEqual(
        seen.map(({ url }) => url),
        ["/x", "/x", "/there"],
      );
      assert.equal(String((await api.get("data:text/plain,hi", { baseURL: "" })).data), "hi");
      assert.equal(adapter.snapshot().begun, 1);
    });
  });
}

describe("beside others", () => {
  it("where nothing was sent it is an AxiosError with the CallError as cause", async () => {
    const { api, adapter } = await setup({ ...QUICK, limits: [{ name: "one", rate: 1, per: "1h", burst: 1 }] }, [200], {
      config: { timeout: 1000 },
    });
    await api.get("/x");
    const { host } = new URL(api.defaults.baseURL);
    const limited = await api.get(`http://user:secret@${host}/x?secret=1#secret`).catch((error) => error);
    assert.equal(limited.code, "ERR_NETWORK");
    assert.ok(limited instanceof axios.AxiosError);
    assert.ok(limited.cause instanceof CallError);
    assert.equal(limited.cause.reason, "rate-limited");
    assert.doesNotMatch(limited.message, /secret/);
    assert.match(adapter.explain(limited), /rate-limited/);
    adapter.close();
    assert.equal((await api.get("/x").catch((error) => error)).cause.reason, "closed");
    const clock = new TestClock();
    const late = await setup({ concurrency: 1, timeouts: { total: "5s" } }, [() => {}], { clock });
    const calls = [1, 2].map(() => late.api.get("/x").catch((error) => error));
    await until(() => late.seen.length === 1 && late.adapter.snapshot().waiting === 1);
    await clock.pass(5_000);
    const deadline = await calls[1];
    assert.equal(deadline.code, "ETIMEDOUT");
    assert.equal(deadline.cause.reason, "deadline");
    assert.throws(() => createAdapter({}, QUICK), /npm install axios/);
  });

  it("an agent of one socket is enough for answers that are refused, streamed or not", async () => {
    const big = Buffer.alloc(300_000, "x");
    const refused = (_, response) => response.writeHead(503).end(big);
    const httpAgent = new Agent({ keepAlive: true, maxSockets: 1 });
    ends.push(() => httpAgent.destroy());
    const answers = [refused, refused, 200];
    const { api, seen } = await setup(QUICK, [...answers, ...answers, 200], { adapter: "http", config: { httpAgent } });
    assert.equal((await api.get("/x", { responseType: "stream" })).status, 200);
    assert.equal(seen.length, 3);
    httpAgent.destroy();
    assert.equal((await api.get("/x")).status, 200);
    const all = Array.from({ length: 30 }, () => api.get("/x"));
    for (const { data } of await Promise.all(all)) assert.deepEqual(data, { status: 200 });
  });

  it("a hundred calls at once each get their own answer", async () => {
    let count = 0;
    const moody = ({ url }, response) => {
      if (++count % 20 === 0) response.writeHead(503).end("busy");
      else response.end(url);
    };
    const { api, adapter } = await setup(QUICK, [moody]);
    const { signal } = new AbortController();
    const texts = await Promise.all(
      Array.from({ length: 100 }, async (_, at) => (await api.get(`/${at}`, at % 20 === 1 ? { signal } : {})).data),
    );
    assert.deepEqual(
      texts,
      texts.map((_, at) => `/${at}`),
    );
    assert.equal(adapter.snapshot().live, 0);
  });

  it("whoever retries above gets single attempts: axios-retry, another adapter, a createFetch below", async () => {
    const told = [];
    const stacked = async (answers, call) => {
      const one = await setup(QUICK, answers);
      one.adapter.on((event) => told.push(event), "stacked");
      await call(one).catch(() => {});
      return one.seen.length;
    };
    assert.equal(await stacked([503], ({ api }) => api.get("/x", { "axios-retry": { retryCount: 1 } })), 1);
    assert.equal(await stacked([503], ({ api }) => api.get("/x", { headers: { "x-stainless-retry-count": 2 } })), 1);
    const outer = ({ api, adapter }) => api.get("/x", { adapter: createAdapter(axios, QUICK, { adapter }) });
    assert.equal(await stacked([503], outer), 4);
    assert.equal(told.length, 6);
    const fetch = createFetch(QUICK);
    fetch.on((event) => told.push(event), "stacked");
    const env = { fetch, Request, Response };
    const { api, seen } = await setup(QUICK, [503], { adapter: "fetch", config: { env } });
    await assert.rejects(api.get("/x"));
    assert.equal(seen.length, 4);
    assert.equal(told.length, 10);
  });

  it("as the default of axios itself it does not call itself", async () => {
    const before = axios.defaults.adapter;
    const { base, seen } = await setup(QUICK, [503, 200]);
    try {
      axios.defaults.adapter = createAdapter(axios, QUICK);
      assert.equal((await axios.get(base, { proxy: false })).status, 200);
      assert.equal(seen.length, 2);
    } finally {
      axios.defaults.adapter = before;
    }
  });

  it("breaker and limits are per origin; routes are those of the policy's own, wherever the address stands", async () => {
    const routes = { "GET /once/*": { retry: { attempts: 1 } } };
    const { base, seen } = await setup(QUICK, [503]);
    const adapter = createAdapter(axios, { ...QUICK, routes, baseUrl: base });
    const count = async (config) => {
      const before = seen.length;
      await axios.get(config.url, { ...config, adapter, proxy: false }).catch(() => {});
      return seen.length - before;
    };
    assert.equal(await count({ url: "/once/7", baseURL: base }), 1);
    assert.equal(await count({ url: "7", baseURL: `${base}/once/` }), 1);
    assert.equal(await count({ url: `${base}/once/7`, baseURL: "http://other.example" }), 1);
    assert.equal(await count({ url: "/other", baseURL: base }), 4);
    assert.deepEqual(
      adapter.snapshot().upstreams.map(({ origin }) => origin),
      [base],
    );
  });
});
