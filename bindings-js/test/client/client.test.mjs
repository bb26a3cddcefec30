// The verbs of a client: URLs, headers, bodies, credentials, events, errors, policies.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { CallError, createClient, createFetch, PolicyError, StatusError } from "unruffled";
import { fails, json, scripted, settled, TestClock, watched } from "../kit.js";

const BASE = "https://api.example.com/v1";

function setup(policy, answers, options = {}) {
  const clock = new TestClock();
  const fetch = scripted(...answers);
  const client = createClient({ baseUrl: BASE, ...policy }, { fetch, clock, ...options });
  return { client, clock, fetch };
}

describe("requests", () => {
  it("each verb sends its method", async () => {
    const { client, fetch } = setup({}, [() => new Response(null, { status: 204 })]);
    for (const verb of ["get", "head", "post", "put", "patch", "delete", "query"]) await client[verb]("/x");
    await client.stream("options", "/x");
    const sent = fetch.calls.map(({ init }) => init.method).join(" ");
    assert.equal(sent, "GET HEAD POST PUT PATCH DELETE QUERY OPTIONS");
  });

  it("json, form and body set the body and its type, and exclude each other", async () => {
    const { client, fetch } = setup({}, [json({})]);
    await client.post("/x", { json: { a: 1 } });
    await client.post("/x", { form: { a: [1, null, "b c"] } });
    await client.post("/x", { body: "raw" });
    await client.post("/x", { json: {}, headers: { "Content-Type": "application/vnd.a+json" } });
    const sent = fetch.calls.map(({ init, headers }) => [init.body, headers.get("content-type")]);
    assert.deepEqual(sent, [
      ['{"a":1}', "application/json"],
      ["a=1&a=b+c", "application/x-www-form-urlencoded"],
      ["raw", null],
      ["{}", "application/vnd.a+json"],
    ]);
    await assert.rejects(client.post("/x", { json: {}, body: "x" }), TypeError);
    await assert.rejects(client.post("/x", { json: () => {} }), TypeError);
  });

  it("the policy's headers and query go along; the call's own win, whatever their case", async () => {
    const policy = {
      headers: { Accept: "application/json", "X-A": "policy" },
      query: { lang: "en", q: "policy" },
      version: { header: "X-Version", pin: "2026-03-01" },
    };
    const { client, fetch } = setup(policy, [json({})], { correlationId: () => "c-1" });
    await client.get("/x", { headers: { "x-a": "own" }, query: { q: "own" } });
    const [{ input, headers }] = fetch.calls;
    assert.equal(input, `${BASE}/x?lang=en&q=own`);
    assert.equal(headers.get("accept"), "application/json");
    assert.equal(headers.get("x-a"), "own");
    assert.equal(headers.get("x-version"), "2026-03-01");
    assert.equal(headers.get("x-correlation-id"), "c-1");
    assert.match(headers.get("user-agent"), /^unruffled\//);
  });

  it("a secret outside Authorization is not carried over a redirect", async () => {
    const { client, fetch } = setup({}, [json({})]);
    await client.get("/x", { headers: { "X-Api-Key": "k" } });
    await client.get("/x");
    assert.deepEqual(
      fetch.calls.map(({ init }) => init.redirect),
      ["manual", undefined],
    );
  });

  it("route settings apply by template", async () => {
    const routes = { "GET /slow/{id}": { headers: { "X-Slow": "1" } } };
    const { client, fetch } = setup({ routes }, [json({})]);
    await client.get("/slow/{id}", { path: { id: 1 } });
    await client.get("/fast/{id}", { path: { id: 1 } });
    assert.deepEqual(
      fetch.calls.map(({ headers }) => headers.get("x-slow")),
      ["1", null],
    );
  });
});

describe("bodies of answers", () => {
  it("json() in the same tick and the Response together", async () => {
    const { client } = setup({}, [json({ a: 1 })]);
    const call = client.get("/x");
    const [value, response] = await Promise.all([call.json(), call]);
    assert.deepEqual(value, { a: 1 });
    assert.ok(response instanceof Response);
    assert.deepEqual(await response.json(), { a: 1 });
  });

  it("bytes() and text(), and reading later from the Response", async () => {
    const { client } = setup({}, [() => new Response("hé")]);
    assert.equal((await client.get("/x").bytes()).length, 3);
    assert.equal(await client.get("/x").text(), "hé");
    assert.equal(await (await client.get("/x")).text(), "hé");
    const call = client.get("/x");
    await settled();
    assert.equal(await call.text(), "hé");
  });

  it("every answer explains itself", async () => {
    const { client, clock } = setup({}, [json({}), json({}, 503), json({})]);
    assert.match(client.explain(await client.get("/x")), /1 attempt/);
    const call = watched(client.get("/x"));
    await clock.pass(2000);
    assert.match(client.explain(call.value), /2 attempts/);
    assert.match(client.explain(call.value), /backoff/);
  });
});

describe("credentials", () => {
  it("a plain string is asked for at every attempt, in the caller's context", async () => {
    let asked = 0;
    const { client, fetch, clock } = setup({}, [json({}), json({}, 503), json({})], {
      credentials: () => `t${++asked}`,
    });
    await client.get("/x");
    const call = client.get("/x");
    await clock.pass(2000);
    await call;
    const sent = fetch.calls.map(({ headers }) => headers.get("authorization"));
    assert.equal(sent.length, 3);
    assert.equal(new Set(sent).size, 3);
  });

  it("a token is asked for once, for all calls together, and again when it has expired", async () => {
    let asked = 0;
    const clock = new TestClock();
    const credentials = async () => ({ token: `t${++asked}`, expiresAt: clock.wall() + 60_000 });
    const fetch = scripted(json({}));
    const client = createClient(BASE, { fetch, clock, credentials });
    await Promise.all([client.get("/a"), client.get("/b"), client.get("/c")]);
    assert.equal(asked, 1);
    await clock.pass(120_000);
    await client.get("/d");
    assert.equal(asked, 2);
    assert.equal(fetch.calls[3].headers.get("authorization"), "Bearer t2");
  });

  it("a 401 refreshes once and replays once", async () => {
    let asked = 0;
    const credentials = () => ({ token: `t${++asked}` });
    const answer = (_, init) => json({}, new Headers(init.headers).get("authorization") === "Bearer t2" ? 200 : 401);
    const { client, fetch } = setup({}, [answer], { credentials });
    assert.equal((await client.get("/x")).status, 200);
    assert.deepEqual([asked, fetch.calls.length], [2, 2]);
  });

  it("what credentials throw is the cause of an auth failure", async () => {
    const own = new Error("vault is sealed");
    const { client } = setup({}, [json({})], { credentials: () => Promise.reject(own) });
    const error = await client.get("/x").catch((error) => error);
    assert.equal(error.reason, "auth");
    assert.equal(error.cause, own);
  });

  it("one view's token never serves another", async () => {
    const { client, fetch } = setup({}, [json({})], { credentials: () => ({ token: "default" }) });
    const ann = client.as(() => ({ token: "ann" }));
    const bob = client.as(() => "bob");
    for (const view of [ann, bob, client, ann, bob]) await view.get("/x");
    const sent = fetch.calls.map(({ headers }) => headers.get("authorization").slice(7));
    assert.deepEqual(sent, ["ann", "bob", "default", "ann", "bob"]);
  });

  it("an Authorization of the caller's own wins", async () => {
    const { client, fetch } = setup({}, [json({})], { credentials: () => assert.fail("asked") });
    await client.get("/x", { headers: { authorization: "Basic x" } });
    assert.equal(fetch.calls[0].headers.get("authorization"), "Basic x");
  });

  it("a credential that does not come is waited for no longer than the deadline", async () => {
    const { client, clock } = setup({}, [json({})], { credentials: () => new Promise(() => {}) });
    const calls = ["/a", "/b"].map((path) => watched(client.get(path, { deadline: 5000 })));
    await clock.pass(5000);
    assert.deepEqual(
      calls.map((call) => call.error?.reason),
      ["deadline", "deadline"],
    );
  });

  it("a plain string that does not come for an attempt takes the attempt's time, and proves that nothing was sent", async () => {
    let asked = 0;
    const credentials = () => (++asked === 1 ? "t1" : new Promise(() => {}));
    const { client, clock, fetch } = setup({ timeouts: { attempt: "1s" }, retry: { attempts: 2 } }, [json({})], {
      credentials,
    });
    await client.get("/a");
    const call = watched(client.post("/b", { json: {} }));
    await clock.pass(10_000);
    assert.equal(call.error?.reason, "auth");
    assert.equal(call.error.outcome, "not-sent");
    assert.equal(call.error.cause.name, "TimeoutError");
    assert.deepEqual([asked, fetch.calls.length, client.snapshot().inFlight], [2, 1, 0]);
  });

  it("a caller's abort ends the waiting for a credential at once, and the others still get it", async () => {
    let give;
    const credentials = () => new Promise((resolve) => (give = () => resolve({ token: "t" })));
    const { client } = setup({}, [json({})], { credentials });
    const controller = new AbortController();
    const leader = watched(client.get("/a", { signal: controller.signal }));
    const follower = watched(client.get("/b"));
    await settled();
    controller.abort("gone");
    await settled();
    assert.equal(leader.error, "gone");
    give();
    await settled();
    assert.equal(follower.value.status, 200);
  });
});

describe("events", () => {
  it("come as plain values to those who listen, until they stop", async () => {
    const { client, clock } = setup({}, [json({}, 503), json({}), json({})]);
    const seen = [];
    const stop = client.on((event) => seen.push(event), ["attempt", "wait", "call"]);
    const call = client.get("/x");
    await clock.pass(2000);
    await call;
    assert.deepEqual(
      seen.map((event) => event.kind),
      ["attempt", "wait", "attempt", "call"],
    );
    assert.equal(seen[0].status, 503);
    assert.equal(seen[1].rule, "backoff");
    stop();
    await client.get("/x");
    assert.equal(seen.length, 4);
  });

  it("of all kinds where none are named; what is no kind, and the kinds before the listener, are refused", async () => {
    const { client } = setup({}, [json({})]);
    const seen = new Set();
    client.on(({ kind }) => seen.add(kind));
    await client.get("/x");
    assert.deepEqual([...seen].sort(), ["attempt", "call"]);
    for (const some of [client, createFetch({})]) {
      const say = (...given) => {
        try {
          some.on(...given);
        } catch (error) {
          assert.ok(error instanceof TypeError);
          return error.message;
        }
        return "";
      };
      assert.match(
        say(() => {}, "nonsense"),
        /^on: "nonsense" is no kind of event; the kinds are attempt, wait, /,
      );
      for (const old of ["wait", ["wait"], undefined]) {
        assert.match(
          say(old, () => {}),
          /^on: the listener comes first, then the kinds; write on\(listener, \["wait"\]\)/,
        );
      }
    }
  });

  it("log writes a line, and a listener that throws harms no call", async (t) => {
    const lines = [];
    const add = (line) => lines.push(line);
    const { client } = setup({ name: "orders" }, [json({})], { log: { debug: add, info: add, warn: add } });
    t.mock.method(console, "error", () => {});
    client.on(() => {
      throw new Error("mine");
    }, "call");
    assert.equal((await client.get("/x")).status, 200);
    assert.ok(
      lines.some((line) => line.startsWith("unruffled orders attempt ")),
      String(lines),
    );
  });

  it("a snapshot tells how things stand", async () => {
    const { client } = setup({}, [json({})]);
    await client.get("/x");
    const { begun, attempts, live, upstreams } = client.snapshot();
    assert.deepEqual([begun, attempts, live], [1, 1, 0]);
    assert.equal(upstreams[0].breaker, "closed");
  });
});

describe("policies", () => {
  const refused = (policy, options) => {
    try {
      createClient(policy, options);
    } catch (error) {
      return error;
    }
    return assert.fail("it was taken");
  };

  it("are checked when the client is made, every place by name", () => {
    const error = refused({ retyr: {}, timeouts: { total: "1 hour" } });
    assert.ok(error instanceof PolicyError);
    assert.deepEqual(
      error.issues.map((issue) => issue.path),
      ["retyr", "timeouts.total"],
    );
    assert.match(error.message, /did you mean "retry"/);
    assert.throws(() => createFetch({ retyr: {} }), PolicyError);
  });

  it("hide no mistake behind JSON", () => {
    assert.deepEqual(
      refused({ retry: { attempts: Number.NaN } }).issues.map((issue) => issue.path),
      ["retry.attempts"],
    );
    assert.deepEqual(
      refused({ retry: { on: () => true } }).issues.map((issue) => issue.path),
      ["retry.on"],
    );
    assert.deepEqual(
      refused({ concurrency: 5n }).issues.map((issue) => issue.path),
      ["concurrency"],
    );
    const circle = {};
    circle.headers = circle;
    assert.ok(refused(circle) instanceof PolicyError);
    assert.ok(refused("orders.policy.json") instanceof PolicyError);
    for (const attempts of [-1, 2 ** 41, 1e308, 0.5])
      assert.ok(refused({ retry: { attempts } }) instanceof PolicyError);
  });

  it("unknown keys may be left out", () => {
    createClient({ baseUrl: BASE, later: 1 }, { unknownKeys: "warn" });
  });

  it("take the base URL from the environment, or from the option", async () => {
    const policy = { baseUrl: { env: "UNRUFFLED_TEST_URL" } };
    assert.match(refused(policy).message, /UNRUFFLED_TEST_URL is not set; pass the baseUrl option/);
    const fetch = scripted(json({}));
    await createClient(policy, { fetch, baseUrl: "https://a.example/b/" }).get("/x");
    process.env.UNRUFFLED_TEST_URL = "https://c.example";
    await createClient(policy, { fetch }).get("/x");
    assert.deepEqual(
      fetch.calls.map(({ input }) => input),
      ["https://a.example/b/x", "https://c.example/x"],
    );
    assert.ok(refused(policy, { baseUrl: "nonsense" }) instanceof PolicyError);
  });
});

describe("errors", () => {
  it("match across the two copies of the package, and subclasses match only themselves", async () => {
    const copy = createRequire(import.meta.url)("unruffled");
    assert.notEqual(copy.StatusError, StatusError);
    const client = copy.createClient(BASE, { fetch: scripted(json({}, 404)) });
    const error = await client.get("/x").catch((error) => error);
    assert.ok(error instanceof StatusError);
    assert.ok(error instanceof CallError);
    assert.ok(error instanceof copy.CallError);
    assert.ok(!(error instanceof PolicyError));
    class Mine extends CallError {}
    assert.ok(!(error instanceof Mine));
    assert.ok(!(null instanceof CallError) && !({} instanceof CallError));
    assert.equal(error.name, "StatusError");
    assert.match(error.stack, /^StatusError: GET \/x: 404 Not Found \(outcome rejected\)/);
  });

  it("a 404 after a DELETE whose answer was lost may be its echo", async () => {
    const { client, clock } = setup({}, [fails("ECONNRESET"), json({}, 404)]);
    const call = watched(client.delete("/orders/7"));
    await clock.pass(2000);
    assert.equal(call.error.maybeApplied, true);
    assert.equal((await client.delete("/orders/7").catch((error) => error)).maybeApplied, false);
  });

  it("tell no query value, token or body", async () => {
    const { client } = setup({}, [json({ secret: "body-canary" }, 400)], { credentials: () => "token-canary" });
    const call = client.get("/x?a=query-canary", { query: { b: "query-canary" } });
    const error = await call.catch((error) => error);
    const told = `${error.message} ${error.explain()} ${JSON.stringify(error.report)}`;
    assert.doesNotMatch(told, /canary/);
  });
});
