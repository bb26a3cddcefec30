// The life of a token as the host sees it: renewed beside the calls, kept through a failed renewal, never asked for
// again when the function gives the refused one.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createClient, StatusError } from "unruffled";
import { json, scripted, settled, TestClock, watched } from "../kit.js";

const HOUR = 3_600_000;

/** A client whose credentials function gives t1, t2, … for an hour each, as far as `asks` says. */
function setup(answers, asks = []) {
  const clock = new TestClock();
  const fetch = scripted(...answers);
  const needs = [];
  const credentials = async (need) => {
    needs.push(need.why);
    const how = asks[needs.length - 1] ?? `t${needs.length}`;
    if (how instanceof Promise) return { token: await how, expiresAt: clock.wall() + HOUR };
    if (how instanceof Error) throw how;
    return { token: how, expiresAt: clock.wall() + HOUR };
  };
  const policy = { baseUrl: "https://api.example.com", retry: { jitter: "none" } };
  const client = createClient(policy, { fetch, clock, credentials });
  const sent = () => fetch.calls.map(({ headers }) => headers.get("authorization"));
  return { client, clock, needs, sent };
}

describe("a token", () => {
  it("is renewed beside the calls, which go on with the held one", async () => {
    let give;
    const { client, clock, needs, sent } = setup([json({})], ["t1", new Promise((resolve) => (give = resolve))]);
    await client.get("/a");
    await clock.pass(HOUR - 60_000);
    await client.get("/b");
    await client.get("/c");
    assert.deepEqual(needs, ["first", "expired"]);
    give("t2");
    await settled();
    await client.get("/d");
    assert.deepEqual(sent(), ["Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2"]);
    assert.equal(needs.length, 2);
  });

  it("outlives a renewal that fails; after a rest it is renewed again", async () => {
    const { client, clock, needs, sent } = setup([json({})], ["t1", new Error("the endpoint is down")]);
    await client.get("/a");
    await clock.pass(HOUR - 60_000);
    for (let i = 0; i < 5; i++) await client.get("/b");
    assert.deepEqual(needs, ["first", "expired"]);
    await clock.pass(1_000);
    await client.get("/c");
    await settled();
    await client.get("/d");
    assert.deepEqual(needs, ["first", "expired", "expired"]);
    assert.deepEqual([sent()[5], sent()[7]], ["Bearer t1", "Bearer t3"]);
  });

  it("that a 401 refused and the function gives again ends the call with that answer", async () => {
    const { client, needs, sent } = setup([json({}, 401)], ["same", "same"]);
    await assert.rejects(client.get("/a").json(), (error) => error instanceof StatusError && error.status === 401);
    assert.deepEqual([needs, sent()], [["first", "refused"], ["Bearer same"]]);
    await assert.rejects(client.get("/b").json(), { status: 401 });
    assert.deepEqual(needs, ["first", "refused"], "for a while a 401 asks for nothing");
  });

  it("that no header can carry is no credential, and no text shows it", async () => {
    for (const bad of ["sec\nret", "sec ret", "", "sécret"]) {
      for (const credentials of [() => bad, () => ({ token: bad, expiresAt: null })]) {
        const fetch = scripted(json({}));
        const client = createClient("https://api.example.com", { fetch, clock: new TestClock(), credentials });
        const error = await client.post("/a", { json: {} }).then(assert.fail, (error) => error);
        assert.deepEqual([error.reason, error.outcome, fetch.calls.length], ["auth", "not-sent", 0]);
        assert.ok(!/s.{1,2}c.?ret/.test(`${error.message} ${error.cause}`), error.message);
      }
    }
  });

  it("that each 401 refuses is fetched a few times only", async () => {
    const { client, clock, needs } = setup([json({}, 401)]);
    for (let ms = 0; ms < 30_000; ms += 100) {
      await client.get("/a").then(
        () => {},
        () => {},
      );
      await clock.pass(100);
    }
    assert.ok(needs.length <= 8, `${needs.length} tokens in 30 s`);
  });

  it("that cannot be fetched is asked for a few times only while the endpoint is down", async () => {
    const down = Array.from({ length: 1000 }, () => new Error("down"));
    const { client, clock, needs } = setup([json({})], down);
    const failed = [];
    for (let ms = 0; ms < 30_000; ms += 20) {
      const call = watched(client.get("/a"));
      await settled();
      failed.push(call.error?.reason);
      await clock.pass(20);
    }
    assert.deepEqual(new Set(failed), new Set(["auth"]));
    assert.ok(needs.length <= 15, `${needs.length} asks in 30 s`);
  });
});
