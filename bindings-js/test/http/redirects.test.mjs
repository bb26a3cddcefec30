// Answers after a redirect that the platform has followed, under each sender: whether the first request is sent again, and
// which breaker counts them.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { fetch as undicis } from "undici";
import { createClient, createFetch } from "unruffled";
import { json, scripted, serving, TestClock } from "../kit.js";
import { SENDERS } from "../shared/senders.js";

const [BASE, OTHER] = ["https://a.example", "https://b.example"];
const POLICY = { retry: { base: "1ms", attempts: 3 } };

const plain = (input, init) => undicis(input, init);
/** Senders with a `fetch` of the caller, which does not show whether it followed a redirect. */
const GIVEN = {
  "createClient, a fetch of the caller's": (base, policy) => {
    const client = createClient({ ...policy, baseUrl: base }, { fetch: plain });
    return [client, (method, path) => client[method.toLowerCase()](path, { json: {} })];
  },
  "createFetch, a fetch of the caller's": (base, policy) => {
    const fetch = createFetch(policy, { fetch: plain });
    return [fetch, (method, path) => fetch(`${base}${path}`, { method, body: "{}" })];
  },
};

/** Answers from a table by path: `[status, headers]` for each request in turn, then the last one for all others. */
function table(answers, seen = []) {
  const asked = {};
  return (request, response) => {
    request.resume();
    const { method, url } = request;
    seen.push(`${method} ${url}`);
    const list = answers[url];
    const at = (asked[url] = (asked[url] ?? -1) + 1);
    const [status, headers = {}] = list[Math.min(at, list.length - 1)];
    response.writeHead(status, headers).end("{}");
  };
}

/** Returns the status of a response or of an error. */
const statusOf = (sending) =>
  sending.then(
    ({ status, statusCode }) => status ?? statusCode,
    (error) => error.status ?? error.response?.status ?? assert.fail(error),
  );

for (const [name, make] of Object.entries(SENDERS)) {
  describe(name, () => {
    it("a POST without a key that was answered by a redirect is sent once, whatever follows", async () => {
      for (const [status, headers] of [
        [429, { "retry-after": "1" }],
        [503, {}],
      ]) {
        const seen = [];
        const answers = { "/a": [[303, { location: "/b" }]], "/b": [[status, headers]] };
        await serving(table(answers, seen), async (base) => {
          const [, send] = make(base, POLICY);
          assert.equal(await statusOf(send("POST", "/a")), status);
          assert.deepEqual(seen, ["POST /a", "GET /b"]);
        });
      }
    });

    it("a GET is sent again, from its beginning", async () => {
      const seen = [];
      const answers = { "/a": [[302, { location: "/b" }]], "/b": [[503], [200]] };
      await serving(table(answers, seen), async (base) => {
        const [, send] = make(base, POLICY);
        assert.equal(await statusOf(send("GET", "/a")), 200);
        assert.deepEqual(seen, ["GET /a", "GET /b", "GET /a", "GET /b"]);
      });
    });

    it("a 429 of another origin holds that one back, not the one first asked", async () => {
      await serving(table({ "/b": [[429, { "retry-after": "60" }]] }), async (other) => {
        await serving(table({ "/a": [[302, { location: `${other}/b` }]] }), async (base) => {
          const [controls, send] = make(base, { retry: { attempts: 1 } });
          assert.equal(await statusOf(send("GET", "/a")), 429);
          const paused = ({ origin, limits }) => [origin, limits.some(({ pausedMs }) => pausedMs > 50_000)];
          const found = Object.fromEntries(controls.snapshot().upstreams.map(paused));
          assert.deepEqual([found[base], found[other]], [false, true]);
        });
      });
    });
  });
}

for (const [name, make] of Object.entries({ ...SENDERS, ...GIVEN })) {
  describe(`${name}, a POST whose redirect leads nowhere`, () => {
    /** Sends a POST, and checks that the server saw it once and that its outcome is `unknown`. */
    async function once(base, seen, policy = POLICY) {
      const [controls, send] = make(base, policy);
      const ends = [];
      controls.on(({ outcome }) => ends.push(outcome), "call");
      await assert.rejects(send("POST", "/a"), (error) => {
        if (controls.as !== undefined) assert.equal(error.outcome, "unknown", error.message);
        return true;
      });
      assert.deepEqual(seen, ["POST /a"]);
      assert.deepEqual(ends, ["unknown"]);
    }

    it("to a port where nothing listens", async () => {
      const nowhere = await serving(
        () => {},
        async (base) => base,
      );
      const seen = [];
      await serving(table({ "/a": [[303, { location: `${nowhere}/b` }]] }, seen), (base) => once(base, seen));
    });

    it("to its own port, which is closed by then", async () => {
      const seen = [];
      const server = createServer((request, response) => {
        request.resume();
        seen.push(`${request.method} ${request.url}`);
        server.close();
        response.writeHead(303, { location: "/b", connection: "close" }).end();
      });
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      await once(`http://127.0.0.1:${server.address().port}`, seen);
    });

    it("to itself, again and again", async () => {
      const seen = [];
      await serving(
        table({ "/a": [[303, { location: "/b" }]], "/b": [[302, { location: "/b" }]] }, seen),
        async (base) => {
          const [controls, send] = make(base, POLICY);
          const ends = [];
          controls.on(({ outcome }) => ends.push(outcome), "call");
          await assert.rejects(send("POST", "/a"));
          assert.equal(seen.filter((line) => line === "POST /a").length, 1);
          assert.deepEqual(ends, ["unknown"]);
        },
      );
    });

    it("a port that is closed from the start is tried again", async () => {
      const nowhere = await serving(
        () => {},
        async (base) => base,
      );
      const [controls, send] = make(nowhere, POLICY);
      const faults = [];
      controls.on(({ fault }) => faults.push(fault), ["attempt"]);
      await assert.rejects(send("POST", "/a"));
      assert.deepEqual(faults, ["unsent", "unsent", "unsent"]);
    });
  });
}

describe("redirects of an unsafe call that are followed here", () => {
  const given = (base, policy = POLICY) => createClient({ ...policy, baseUrl: base }, { fetch: plain });

  it("are followed to another origin, without what is for the first alone", async () => {
    const lines = [];
    const other = (request, response) => {
      lines.push([request.method, request.headers.authorization, request.headers["content-type"]]);
      request.resume().on("end", () => response.end('{"at":"other"}'));
    };
    await serving(other, async (there) => {
      for (const [status, method, type] of [
        [303, "GET", undefined],
        [307, "POST", "application/json"],
      ]) {
        await serving(table({ "/a": [[status, { location: `${there}/b` }]] }), async (base) => {
          const client = given(base).as(() => "t");
          const response = await client.post("/a", { json: {} });
          assert.deepEqual([response.redirected, response.url], [true, `${there}/b`]);
          assert.deepEqual(await response.json(), { at: "other" });
          assert.deepEqual(lines.pop(), [method, undefined, type]);
        });
      }
    });
  });

  it("say what is wrong with them", async () => {
    const secret = { headers: { "X-Api-Key": "k" }, json: {} };
    const stream = () => ({ body: new Blob(["x"]).stream() });
    const cases = [
      [302, "/a", { json: {} }, /the 21st in a row; 20 are followed/],
      [307, "/b", stream(), /a status of 307 asks for the body again, and a stream cannot be sent twice/],
      [
        303,
        "https://b.example/x",
        secret,
        /it leads to another origin, https:\/\/b\.example, and a header .* is a secret/,
      ],
      [303, "ftp://b.example/x", { json: {} }, /it leads to a URL of ftp:/],
      [303, "http://", { json: {} }, /its Location is no URL/],
    ];
    for (const [status, location, options, says] of cases) {
      const seen = [];
      await serving(table({ "/a": [[status, { location }]] }, seen), async (base) => {
        await assert.rejects(given(base).post("/a", options), (error) => {
          assert.deepEqual([error.reason, error.outcome, error.attempts], ["network", "unknown", 1]);
          assert.match(error.cause.cause.message, says);
          return true;
        });
        assert.equal(seen.filter((line) => line === "POST /a").length, 1);
      });
    }
  });
});

describe("a call with a key in a header of its own, whose redirects are followed here", () => {
  it("is treated alike", async () => {
    const seen = [];
    const answers = { "/a": [[303, { location: "/b" }]], "/b": [[503]] };
    await serving(table(answers, seen), async (base) => {
      const client = createClient({ ...POLICY, baseUrl: base });
      const call = client.post("/a", { json: {}, headers: { "X-Api-Key": "k" } });
      assert.equal(await statusOf(call), 503);
      assert.deepEqual(seen, ["POST /a", "GET /b"]);
    });
  });
});

describe("breakers", () => {
  it("that of the origin that answered opens", async () => {
    const clock = new TestClock();
    const answer = () =>
      Object.defineProperties(json({}, 503), { redirected: { value: true }, url: { value: `${OTHER}/b` } });
    const fetch = createFetch({ retry: { attempts: 1 } }, { clock, fetch: scripted(answer) });
    for (let at = 0; at < 40; at++) {
      await fetch(`${BASE}/a`);
      clock.time += 100;
    }
    const found = Object.fromEntries(fetch.snapshot().upstreams.map(({ origin, breaker }) => [origin, breaker]));
    assert.deepEqual([found[BASE], found[OTHER]], ["closed", "open"]);
  });
});
