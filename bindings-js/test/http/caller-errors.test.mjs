// Errors of the caller over real sockets. The caller gets the error itself after one attempt, and no breaker counts it.
// And bodies that are sent piece by piece, which keep their attempt alive.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { PassThrough, Readable } from "node:stream";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import axios from "axios";
import { CallError, createClient, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { serving } from "../kit.js";
import { underEach } from "../shared/undici.js";

const QUICK = { retry: { base: "1ms" } };
const folder = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);
const ends = [];
after(() => Promise.all(ends.map((end) => end())));

class Broken extends Error {
  name = "Broken";
  code = "ECONNRESET";
}

/** Reads each request whole and counts it. */
function counting(seen) {
  return async (request, response) => {
    seen.push(request.method);
    try {
      for await (const _ of request);
      response.end("{}");
    } catch {}
  };
}

const encoder = new TextEncoder();
async function* breaking(error) {
  yield encoder.encode("first");
  throw error;
}
const web = (error) => {
  const pieces = breaking(error);
  return new ReadableStream({
    async pull(controller) {
      const { value } = await pieces.next();
      controller.enqueue(value);
    },
  });
};

/** Checks that five calls fail with the caller's error, each after at most one request and with the caller's fault. */
async function alwaysOwn(call, seen, controls, is) {
  const faults = [];
  controls.on(({ fault }) => faults.push(fault), "attempt");
  for (let at = 0; at < 5; at++) await assert.rejects(call, is);
  assert.ok(seen.length <= 5, `${seen.length} requests`);
  assert.deepEqual(faults, ["refused", "refused", "refused", "refused", "refused"]);
}

describe("a body source that throws", () => {
  const sources = { "a web stream": web, "an async iterable": breaking };
  for (const [name, source] of Object.entries(sources)) {
    it(`${name}: a verb rejects with its error`, async () => {
      const seen = [];
      await serving(counting(seen), async (base) => {
        const client = createClient({ ...QUICK, baseUrl: base });
        const mine = new Broken("mine");
        await alwaysOwn(
          () => client.put("/x", { body: source(mine) }),
          seen,
          client,
          (e) => e === mine,
        );
      });
    });

    it(`${name}: createFetch rejects as fetch does`, async () => {
      const seen = [];
      await serving(counting(seen), async (base) => {
        const fetch = createFetch(QUICK);
        const mine = new Broken("mine");
        const put = () => fetch(base, { method: "PUT", body: source(mine), duplex: "half" });
        await alwaysOwn(put, seen, fetch, (e) => e instanceof TypeError && e.cause === mine);
      });
    });
  }

  it("axios: with its own error around it", async () => {
    for (const inner of ["http", "fetch"]) {
      const seen = [];
      await serving(counting(seen), async (base) => {
        const adapter = createAdapter(axios, QUICK, { adapter: inner });
        const mine = new Broken("mine");
        const put = () => axios.put(base, Readable.from(breaking(mine)), { adapter, proxy: false, maxRedirects: 0 });
        await alwaysOwn(put, seen, adapter, (e) => e === mine || e.cause === mine || e.cause?.cause === mine);
      });
    }
  });
});

await underEach(({ request }, setup) => {
  it("a body source that throws is the caller's", async () => {
    const { base, seen, dispatcher, interceptor } = await setup(QUICK, [200]);
    const mine = new Broken("mine");
    const faults = [];
    interceptor.on(({ fault }) => faults.push(fault), "attempt");
    for (const source of [() => Readable.from(breaking(mine)), () => breaking(mine)]) {
      await assert.rejects(request(base, { dispatcher, method: "PUT", body: source() }), (e) => e === mine);
    }
    assert.ok(seen.length <= 2);
    assert.deepEqual(faults, ["refused", "refused"]);
  });

  it("a handler that throws is the caller's", async () => {
    const early = (_, response) => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.end("{}");
    };
    const { base, dispatcher, interceptor } = await setup(QUICK, [early]);
    const mine = new Broken("mine");
    const error = await new Promise((resolve) => {
      const handler = {
        onRequestStart() {},
        onResponseStart(_, status) {
          if (status < 200) throw mine;
        },
        onResponseData() {},
        onResponseEnd: () => resolve(null),
        onResponseError: (_, error) => resolve(error),
      };
      dispatcher.dispatch({ origin: base, path: "/", method: "PUT", body: "text" }, handler);
    });
    assert.equal(error, mine);
    assert.equal(interceptor.snapshot().attempts, 1);
  });
});

describe("a fetch of the caller's own", () => {
  class Mine extends Error {
    name = "ValidationError";
  }
  const fetches = {
    "whose Response has a stream of Node": async () => ({
      status: 200,
      headers: new Headers(),
      body: Readable.from(["{}"]),
      bodyUsed: false,
    }),
    "whose Response has no body property": async () => ({ status: 200, headers: new Headers(), bodyUsed: false }),
    "that gives nothing": async () => undefined,
    "that throws a TypeError": async () => {
      const config = null;
      return config.url;
    },
    "that throws an error of its own class": async () => {
      throw new Mine("no");
    },
  };
  for (const [name, own] of Object.entries(fetches)) {
    it(`${name} is asked once`, async () => {
      let asked = 0;
      const fetch = (...given) => {
        asked++;
        return own(...given);
      };
      const client = createClient({ ...QUICK, baseUrl: "https://api.example.com" }, { fetch });
      await assert.rejects(client.get("/x").json(), (error) => {
        assert.ok(!(error instanceof CallError), String(error));
        return error instanceof TypeError || error instanceof Mine;
      });
      assert.equal(asked, 1);
      assert.equal(client.snapshot().upstreams[0].breaker, "closed");
    });
  }
});

/** Starts a proxy that answers CONNECT with a status. */
async function proxy(status) {
  const asked = [];
  const server = createServer().on("connect", (request, socket) => {
    asked.push(request.url);
    socket.end(`HTTP/1.1 ${status} No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

await underEach(({ ProxyAgent, fetch: plain }, _) => {
  it("proxy credentials that are refused are the caller's; a proxy that is down is not", async () => {
    for (const [status, times] of [
      [407, 1],
      [502, 4],
    ]) {
      const { url, asked } = await proxy(status);
      const agent = new ProxyAgent({ uri: url });
      ends.push(() => agent.destroy());
      const client = createClient(
        { ...QUICK, baseUrl: "https://api.example.com" },
        { fetch: (input, init) => plain(input, { ...init, dispatcher: agent }) },
      );
      await assert.rejects(client.post("/x", { json: {}, idempotencyKey: true }), (error) => {
        assert.equal(error instanceof CallError, status !== 407);
        return true;
      });
      assert.equal(asked.length, times, String(status));
    }
  });
});

describe("an upload of unknown size", () => {
  /** Yields `count` pieces, one each `every` ms. */
  async function* dripping(count, every) {
    for (let at = 0; at < count; at++) {
      await new Promise((resolve) => setTimeout(resolve, every));
      yield encoder.encode("piece");
    }
  }
  const drip = (count, every) => Readable.toWeb(Readable.from(dripping(count, every)));
  const TIMES = { ...QUICK, timeouts: { attempt: "300ms", idle: "250ms", total: "20s" } };

  it("lives as long as pieces go, longer than an attempt", async () => {
    const seen = [];
    await serving(counting(seen), async (base) => {
      const client = createClient({ ...TIMES, baseUrl: base });
      assert.equal((await client.post("/x", { body: drip(8, 100) })).status, 200);
      const fetch = createFetch(TIMES);
      assert.equal((await fetch(base, { method: "POST", body: drip(8, 100), duplex: "half" })).status, 200);
      for (const inner of ["http", "fetch"]) {
        const adapter = createAdapter(axios, TIMES, { adapter: inner });
        const answer = await axios.post(base, Readable.from(dripping(8, 100)), {
          adapter,
          proxy: false,
          maxRedirects: 0,
        });
        assert.equal(answer.status, 200, inner);
      }
    });
    assert.equal(seen.length, 4);
  });

  it("is cut when no piece comes within idle, and by the call's own deadline", async () => {
    await serving(counting([]), async (base) => {
      const client = createClient({ ...TIMES, baseUrl: base });
      await assert.rejects(client.post("/x", { body: drip(8, 700) }), { fault: "timeout" });
      const start = performance.now();
      await assert.rejects(client.post("/x", { body: drip(50, 100), deadline: 600 }), { fault: "timeout" });
      assert.ok(performance.now() - start < 3000);
    });
  });

  it("is cut by the policy's total, and has an attempt's whole time for the answer once it is sent", async () => {
    const slow = (request, response) => request.resume().on("end", () => setTimeout(() => response.end("{}"), 500));
    const timeouts = { attempt: "800ms", idle: "250ms", total: "900ms" };
    const ways = (base, policy) => {
      const client = createClient({ ...policy, baseUrl: base });
      const fetch = createFetch(policy);
      const adapter = createAdapter(axios, policy);
      return {
        client: (count) => client.post("/x", { body: drip(count, 100) }),
        fetch: (count) => fetch(base, { method: "POST", body: drip(count, 100), duplex: "half" }),
        axios: (count) =>
          axios.post(base, Readable.from(dripping(count, 100)), { adapter, proxy: false, maxRedirects: 0 }),
      };
    };
    await serving(slow, async (base) => {
      for (const [name, send] of Object.entries(ways(base, { ...QUICK, timeouts }))) {
        const start = performance.now();
        await assert.rejects(send(200), name);
        assert.ok(performance.now() - start < 5000, name);
      }
      for (const send of Object.values(ways(base, { ...QUICK, timeouts: { ...timeouts, total: "20s" } }))) {
        assert.equal((await send(3)).status, 200);
      }
    });
  });
});

await underEach(({ request }, setup) => {
  it("an upload of unknown size lives as long as pieces go", async () => {
    const policy = { ...QUICK, timeouts: { attempt: "300ms", idle: "250ms", total: "20s" } };
    const { base, dispatcher } = await setup(policy, [200]);
    const body = new PassThrough();
    let left = 8;
    const timer = setInterval(() => (left-- > 0 ? body.write("piece") : (clearInterval(timer), body.end())), 100);
    const { statusCode } = await request(base, { dispatcher, method: "POST", body });
    assert.equal(statusCode, 200);
  });
});

describe("what this machine has no more of", () => {
  it("files: the platform's own error, after one attempt", async () => {
    await serving(counting([]), async (base) => {
      const text = `
        import { openSync } from "node:fs";
        import { createClient } from "unruffled";
        const client = createClient({ retry: { base: "1ms" }, baseUrl: ${JSON.stringify(base)} });
        await client.get("/x").json();
        try { for (;;) openSync("/dev/null"); } catch {}
        // The first of the two uses the kept connection.
        const [, { reason }] = await Promise.allSettled([client.stream("GET", "/x"), client.get("/x").json()]);
        const { attempts, upstreams } = client.snapshot();
        console.log(reason.constructor.name, reason.cause?.code, attempts, upstreams[0].breaker);`;
      const command = `ulimit -n 64; exec "$0" --input-type=module -e "$1"`;
      const { stdout } = await run("bash", ["-c", command, process.execPath, text], { cwd: folder });
      assert.equal(stdout.trim(), "TypeError EMFILE 3 closed");
    });
  });
});

await underEach(({ request }, setup) => {
  it("an address that is not this machine's is the caller's mistake", async () => {
    const { base, dispatcher, interceptor } = await setup(QUICK, [200], {}, { localAddress: "192.0.2.1" });
    await assert.rejects(request(base, { dispatcher }), { code: "EADDRNOTAVAIL" });
    assert.equal(interceptor.snapshot().attempts, 1);
    assert.equal(interceptor.snapshot().upstreams[0].breaker, "closed");
  });
});
