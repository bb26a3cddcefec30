// Credentials that come late or never. An older token never replaces a newer one, every refresh ends, and all calls that
// wait for it get the same failure.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CallError, createClient } from "unruffled";
import { json, scripted, serving, settled, TestClock, watched } from "../kit.js";

const BASE = "https://api.example.com";
const folder = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** The cause in the error, by what the credentials function does. */
const SAYS = {
  "that never answers": "The credentials function took longer than 1000 ms",
  "that throws": "no",
};

function setup(policy, answers, credentials) {
  const clock = new TestClock();
  const fetch = scripted(...answers);
  return { clock, fetch, client: createClient({ baseUrl: BASE, ...policy }, { fetch, clock, credentials }) };
}

describe("a credentials function", () => {
  it("a token that comes after its time is dropped", async () => {
    const gives = [];
    const credentials = () => new Promise((resolve) => gives.push((token) => resolve({ token })));
    const { client, clock, fetch } = setup({}, [json({})], credentials);
    const first = watched(client.get("/a"));
    await clock.pass(20_000);
    assert.equal(first.error?.reason, "auth");
    const second = watched(client.get("/b"));
    await settled();
    gives[1]("new");
    await settled();
    assert.equal(second.value?.status, 200);
    gives[0]("old");
    await settled();
    await client.get("/c");
    assert.deepEqual(
      fetch.calls.map(({ headers }) => headers.get("authorization")),
      ["Bearer new", "Bearer new"],
    );
  });

  it("a short deadline of the call that asks is not the time that others have", async () => {
    let give;
    const credentials = () => new Promise((resolve) => (give = () => resolve({ token: "t" })));
    const { client, clock, fetch } = setup({ timeouts: { attempt: "10s" } }, [json({})], credentials);
    const leader = watched(client.get("/a", { deadline: 100 }));
    const follower = watched(client.get("/b"));
    await clock.pass(5000);
    assert.equal(leader.error?.outcome, "not-sent");
    give();
    await settled();
    assert.equal(follower.value?.status, 200);
    assert.equal(fetch.calls.length, 1);
  });

  it("is told why it is asked: first, then expired, then refused", async () => {
    const clock = new TestClock();
    const forms = {
      lambda: (ask) => (need) => ask(need),
      async: (ask) => async (need) => ask(need),
      bound: (ask) => ask.bind(null),
    };
    for (const [name, form] of Object.entries(forms)) {
      let good = "t1";
      const answer = ({ headers }, response) => {
        response.writeHead(headers.authorization === `Bearer ${good}` ? 200 : 401).end("{}");
      };
      await serving(answer, async (base) => {
        const needs = [];
        const ask = (need) => ({ token: `t${needs.push(need)}`, expiresAt: clock.wall() + 60_000 });
        const client = createClient(base, { clock, credentials: form(ask) });
        await client.get("/x");
        await client.get("/x");
        await clock.pass(61_000);
        good = "t2";
        await client.get("/x");
        good = "t3";
        await client.get("/x");
        assert.deepEqual(needs, [{ why: "first" }, { why: "expired" }, { why: "refused" }], name);
      });
    }
  });

  it("that gives plain strings is asked for each attempt, and that is the first; one without a parameter gets none", async () => {
    const needs = [];
    const answers = [json({}), json({}, 503), json({})];
    const { client, clock } = setup({}, answers, (need) => (needs.push(need.why), "t"));
    for (let at = 0; at < 2; at++) {
      const call = watched(client.get("/x"));
      await clock.pass(10_000);
      assert.equal(call.value?.status, 200);
    }
    assert.deepEqual(needs, ["first", "first", "first"]);
    const given = [];
    const optional = (force = false) => {
      given.push(force);
      return "t";
    };
    const second = setup({}, [json({})], optional);
    await second.client.get("/x");
    assert.deepEqual(given, [false]);
  });

  const never = () => new Promise(() => {});
  const fails = () => Promise.reject(new Error("no"));
  const kinds = {
    "the first ask": [],
    "a later ask of plain strings": ["t"],
    "a later ask of tokens": [{ token: "t", expiresAt: 1 }],
  };
  for (const [kind, given] of Object.entries(kinds)) {
    for (const [how, ends] of Object.entries({ "that never answers": never, "that throws": fails })) {
      it(`${how}, at ${kind}: auth, nothing sent, within an attempt's time`, async () => {
        let asked = 0;
        const credentials = () => (asked < given.length ? given[asked++] : ends());
        const policy = { timeouts: { attempt: "1s" }, retry: { attempts: 3, base: "1ms" } };
        const { client, clock, fetch } = setup(policy, [json({})], credentials);
        for (const _ of given) await client.get("/a");
        await clock.pass(10);
        const sent = fetch.calls.length;
        const call = watched(client.post("/b"));
        await clock.pass(given.length === 0 ? 10_000 : 1500);
        assert.ok(call.error instanceof CallError, String(call.error));
        assert.equal(call.error.reason, "auth");
        assert.equal(call.error.outcome, "not-sent");
        assert.match(call.error.message, /credentials function/);
        assert.equal(call.error.cause?.message, SAYS[how], kind);
        assert.equal(fetch.calls.length, sent);
        assert.equal(client.snapshot().inFlight, 0);
      });
    }
  }

  it("a program does not end while one is waited for", async () => {
    for (const given of ["", `"t1", `]) {
      const text = `
        import { createClient } from "unruffled";
        const given = [${given}];
        const credentials = () => given.shift() ?? new Promise(() => {});
        const policy = { baseUrl: "https://a.example", timeouts: { attempt: "200ms", total: "1s" } };
        const client = createClient(policy, { credentials, fetch: async () => new Response("{}") });
        if (given.length > 0) await client.get("/x");
        await client.get("/x").catch(({ reason, outcome }) => console.log(reason, outcome));`;
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", text], { cwd: folder });
      assert.match(stdout, /(auth|deadline) not-sent/);
    }
  });
});
