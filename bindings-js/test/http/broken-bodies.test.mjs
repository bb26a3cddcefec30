// Broken bodies: compressed streams that are cut, bodies that cannot be decoded, bodies that stall. A broken body does not
// hide its status, and a body that was cut is no success.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import axios from "axios";
import { CallError, createClient, createFetch, StatusError } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { serving } from "../kit.js";
import { underEach } from "../shared/undici.js";

const QUICK = { retry: { base: "1ms" } };
const TEXT = JSON.stringify({ items: Array.from({ length: 400 }, (_, at) => `item ${at * 7919}`) });
const CODINGS = {
  gzip: gzipSync(TEXT),
  "x-gzip": gzipSync(TEXT),
  deflate: deflateSync(TEXT),
  "raw deflate": deflateRawSync(TEXT),
  br: brotliCompressSync(TEXT),
};
const nameOf = (coding) => (coding === "raw deflate" ? "deflate" : coding);
const half = (bytes) => bytes.subarray(0, bytes.length / 2);

/** Answers `times` requests with half of the bytes in intact framing, then with all bytes. */
function cutting(coding, times, seen, status = 200) {
  return (request, response) => {
    request.resume();
    seen.push(request.method);
    const bytes = seen.length <= times ? half(CODINGS[coding]) : CODINGS[coding];
    response.writeHead(status, { "content-encoding": nameOf(coding), "content-length": bytes.length });
    response.end(bytes);
  };
}

describe("codings that axios alone decodes", () => {
  for (const coding of ["compress", "x-compress", "X-Compress"]) {
    it(`${coding}: as without ours`, async () => {
      for (const bytes of [CODINGS.gzip, CODINGS.deflate]) {
        const answer = (_, response) => response.writeHead(200, { "content-encoding": coding }).end(bytes);
        await serving(answer, async (base) => {
          const plain = await axios.get(base, { proxy: false });
          const { data, headers } = await axios.get(base, { adapter: createAdapter(axios, QUICK), proxy: false });
          assert.equal(data.items.length, 400);
          assert.deepEqual(data, plain.data);
          assert.deepEqual({ ...headers, date: "" }, { ...plain.headers, date: "" });
        });
      }
    });
  }
});

describe("half a compressed stream in intact framing", () => {
  for (const coding of Object.keys(CODINGS)) {
    it(`${coding}: a verb asks again, a stream breaks`, async () => {
      const seen = [];
      await serving(cutting(coding, 2, seen), async (base) => {
        const client = createClient({ ...QUICK, baseUrl: base });
        assert.equal((await client.get("/x").json()).items.length, 400);
        assert.equal(seen.length, 3);
        seen.length = 0;
        await assert.rejects((await client.stream("GET", "/x")).text());
        await assert.rejects(client.post("/x", { json: {} }).json(), (error) => {
          assert.ok(error instanceof CallError);
          assert.equal(error.fault, "truncated");
          assert.equal(error.outcome, "unknown");
          return true;
        });
      });
    });

    it(`${coding}: createFetch breaks as a cut body does, and asks again where it buffers`, async () => {
      const seen = [];
      await serving(cutting(coding, 1, seen), async (base) => {
        await assert.rejects((await createFetch(QUICK)(base)).text());
        seen.length = 0;
        assert.equal((await (await createFetch(QUICK, { buffer: true })(base)).text()).length, TEXT.length);
        assert.equal(seen.length, 2);
      });
    });

    for (const inner of ["http", "fetch"]) {
      it(`${coding}: axios over ${inner} asks again`, async () => {
        const seen = [];
        await serving(cutting(coding, 2, seen), async (base) => {
          const adapter = createAdapter(axios, QUICK, { adapter: inner });
          const { data, headers } = await axios.get(base, { adapter, proxy: false });
          assert.equal(data.items.length, 400);
          assert.equal(seen.length, 3);
          const plain = await axios.get(base, { adapter: inner, proxy: false });
          assert.deepEqual({ ...headers, date: "" }, { ...plain.headers, date: "" });
          const error = await axios.post(base, {}, { adapter, proxy: false, validateStatus: () => true }).then(
            () => null,
            (error) => error,
          );
          assert.equal(error, null);
        });
      });
    }
  }

  it("whole streams of two members, and with bytes after the end, stay whole", async () => {
    const bytes = Buffer.concat([gzipSync("one,"), gzipSync("two"), Buffer.alloc(64)]);
    const answer = (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bytes);
    await serving(answer, async (base) => {
      const client = createClient({ ...QUICK, baseUrl: base });
      assert.equal(await client.get("/x").text(), "one,two");
      assert.equal(await (await createFetch(QUICK)(base)).text(), "one,two");
    });
  });

  it("nothing to decode: HEAD, 304, an empty body, a coding that is not known", async () => {
    const answer = ({ url }, response) => {
      const coding = url === "/other" ? "aes128gcm" : "gzip";
      response.writeHead(url === "/304" ? 304 : 200, { "content-encoding": coding });
      response.end(url === "/other" ? "text" : "");
    };
    await serving(answer, async (base) => {
      const client = createClient({ ...QUICK, baseUrl: base });
      for (const path of ["/304", "/empty", "/other"]) await client.get(path).text();
      await client.head("/x").text();
    });
  });
});

await underEach(({ fetch, request }, setup) => {
  it("half a compressed stream is asked for again where bodies are read, else breaks", async () => {
    for (const coding of Object.keys(CODINGS)) {
      const seen = [];
      const answer = cutting(coding, 1, seen);
      const buffered = await setup(QUICK, [answer], { buffer: true });
      const { body } = await request(buffered.base, { dispatcher: buffered.dispatcher });
      assert.equal((await body.bytes()).length, CODINGS[coding].length, coding);
      assert.equal(seen.length, 2);
      seen.length = 0;
      const streamed = await setup(QUICK, [answer]);
      await assert.rejects((await fetch(streamed.base, { dispatcher: streamed.dispatcher })).text(), TypeError, coding);
    }
  });
});

describe("a status whose body cannot be decoded", () => {
  const garbled = (status) => (_, response) =>
    response.writeHead(status, { "content-encoding": "gzip", "x-a": "b" }).end("this is no gzip");
  const broken = (status) => (_, response) => {
    response.writeHead(status, { "content-length": 1000, "x-a": "b" }).write("some");
    setTimeout(() => response.destroy(), 20);
  };
  for (const [name, answer] of Object.entries({ garbled, broken })) {
    it(`${name}: is that status to a verb, thrown or returned`, async () => {
      await serving(answer(404), async (base) => {
        const client = createClient({ ...QUICK, baseUrl: base });
        await assert.rejects(client.get("/x").json(), (error) => {
          assert.ok(error instanceof StatusError);
          assert.equal(error.status, 404);
          return true;
        });
        const call = client.get("/x", { raise: false });
        assert.equal(await call.text(), "");
        assert.equal((await call).status, 404);
      });
    });

    it(`${name}: is that status to createFetch that buffers`, async () => {
      await serving(answer(404), async (base) => {
        const response = await createFetch(QUICK, { buffer: true })(base);
        assert.equal(response.status, 404);
        assert.equal(await response.text(), "");
      });
    });

    for (const inner of ["http", "fetch"]) {
      it(`${name}: is that status to axios over ${inner}`, async () => {
        let asked = 0;
        const counted = (...given) => {
          asked++;
          answer(404)(...given);
        };
        await serving(counted, async (base) => {
          const adapter = createAdapter(axios, QUICK, { adapter: inner });
          await assert.rejects(axios.get(base, { adapter, proxy: false }), (error) => {
            assert.equal(error.response?.status, 404, String(error));
            assert.equal(error.code, "ERR_BAD_REQUEST");
            assert.equal(error.response.headers["x-a"], "b");
            return true;
          });
          assert.equal(asked, 1);
          const all = { adapter, proxy: false, validateStatus: () => true };
          assert.equal((await axios.get(base, all)).status, 404);
        });
      });
    }
  }

  it("one that is too large for raise: false is a CallError with its account", async () => {
    const answer = (_, response) => response.writeHead(422).end("x".repeat(5000));
    await serving(answer, async (base) => {
      const client = createClient({ ...QUICK, baseUrl: base, maxBody: "1KiB" });
      await assert.rejects(client.get("/x", { raise: false }).json(), (error) => {
        assert.ok(error instanceof CallError);
        assert.equal(error.status, 422);
        assert.match(
          error.message,
          /: the answer is larger than maxBody \(misuse, outcome rejected\)\. Raise maxBody, or stream the answer\.$/,
        );
        assert.match(error.explain(), /422/);
        return true;
      });
    });
  });
});

describe("a refused answer whose body stalls", () => {
  it("gives its connection back within a second of a longer wait", async () => {
    let gone;
    const closed = new Promise((resolve) => {
      gone = resolve;
    });
    let asked = 0;
    let at = 0;
    const answer = (_, response) => {
      if (asked++ > 0) return response.end("{}");
      at = performance.now();
      response.writeHead(503, { "retry-after": "3", "content-length": 1000 }).write("some");
      response.on("close", () => gone(performance.now() - at));
    };
    await serving(answer, async (base) => {
      const client = createClient({ ...QUICK, baseUrl: base });
      const call = client.get("/x").json();
      const took = await closed;
      assert.ok(took < 2500, `${took} ms`);
      await call;
    });
  });
});

describe("records", () => {
  it("one that was dropped says so", async () => {
    const seen = new Set();
    const fetch = async (_, { headers }) => {
      const id = headers["X-Request-Id"];
      const status = seen.has(id) ? 200 : 503;
      seen.add(id);
      return new Response("{}", { status });
    };
    const policy = {
      baseUrl: "https://a.example",
      retry: { base: "1ms", budget: { capacity: 10000 } },
      breaker: false,
    };
    const client = createClient(policy, { fetch });
    const first = await client.get("/x");
    for (let at = 0; at < 45; at++) await Promise.all(Array.from({ length: 100 }, () => client.get("/x")));
    assert.match(client.explain(first), /dropped/);
    assert.doesNotMatch(client.explain(first), /1 attempt/);
  });
});
