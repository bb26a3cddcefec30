// Answers after a redirect that the platform has followed, under everything that sends: whether the first request is sent again,
// and whose breaker hears of them.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createClient, createFetch } from "unruffled";
import { json, scripted, serving, TestClock } from "./kit.js";
import { SENDERS } from "./shared/senders.js";

const [BASE, OTHER] = ["https://a.example", "https://b.example"];
const POLICY = { retry: { base: "1ms", attempts: 3 } };

/** Answers from a table by path: `[status, headers]` for each request in turn, the last one again and again. */
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

/** The status of what came, thrown or not. */
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
