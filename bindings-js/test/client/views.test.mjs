// Views of a client. Each has a scope in the core, which is freed when the view and its calls have ended.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Core, createClient } from "../../.build/internal.js";
import { json, scripted } from "../kit.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const BASE = "https://api.example.com";

/** Records which scopes are made and freed while `use` runs. */
async function watching(use) {
  const seen = { names: [], scopes: new Set(), freed: [] };
  const { scope, free } = Core.prototype;
  Core.prototype.scope = function (origin, credential) {
    const found = scope.call(this, origin, credential);
    seen.names.push(credential);
    seen.scopes.add(found);
    return found;
  };
  Core.prototype.free = function (now, number) {
    seen.freed.push(number);
    return free.call(this, now, number);
  };
  try {
    await use(seen);
  } finally {
    Object.assign(Core.prototype, { scope, free });
  }
}

/** Runs the garbage collector until the condition holds, a limited number of times. */
async function collected(holds) {
  for (let at = 0; at < 50 && !holds(); at++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("views", () => {
  it("30,000 of them, one after the other, each ask their own function and take the room of a thousand", async () => {
    await watching(async ({ names, scopes }) => {
      let sent;
      const fetch = async (_, { headers }) => {
        sent = headers.Authorization;
        return new Response(null, { status: 204 });
      };
      const client = createClient(BASE, { fetch });
      for (let at = 0; at < 30_000; at++) {
        await client.as(() => ({ token: `token-${at}` })).get("/x");
        assert.equal(sent, `Bearer token-${at}`);
      }
      assert.equal(new Set(names).size, 30_000);
      assert.ok(scopes.size <= 1002, `${scopes.size} scopes`);
    });
  });

  it("that can no longer be reached are freed; one whose call lives is not", async () => {
    await watching(async ({ scopes, freed }) => {
      let answer;
      const silent = new Promise((resolve) => {
        answer = resolve;
      });
      const fetch = scripted(() => silent);
      const client = createClient(BASE, { fetch });
      let asked = 0;
      // A function of its own, so that no variable here refers to the view.
      const begun = (() =>
        client
          .as(() => ({ token: `t${++asked}` }))
          .get("/x")
          .json())();
      await collected(() => freed.length > 0);
      assert.deepEqual([scopes.size, freed], [1, []]);
      answer(json({ a: 1 }));
      assert.deepEqual(await begun, { a: 1 });
      await collected(() => freed.length > 0);
      assert.deepEqual(freed, [...scopes]);
    });
  });

  it("made after another one is gone inherit nothing: their own function is asked, after a 401 again", async () => {
    await watching(async ({ freed }) => {
      const fetch = scripted(json({}), json({}, 401), json({ b: 1 }));
      const client = createClient(BASE, { fetch });
      await (async () =>
        client
          .as(() => ({ token: "ann" }))
          .get("/x")
          .json())();
      await collected(() => freed.length > 0);
      assert.equal(freed.length, 1);
      let asked = 0;
      const bob = client.as(() => ({ token: `bob-${++asked}` }));
      assert.deepEqual(await bob.get("/x").json(), { b: 1 });
      const sent = fetch.calls.map(({ headers }) => headers.get("authorization"));
      assert.deepEqual(sent, ["Bearer ann", "Bearer bob-1", "Bearer bob-2"]);
    });
  });

  it("that keep a token and are used again later have it still, unless a thousand others came between", async () => {
    const fetch = scripted(json({}));
    const client = createClient(BASE, { fetch });
    let asked = 0;
    const ann = client.as(() => ({ token: `ann-${++asked}` }));
    const others = Array.from({ length: 1500 }, () => client.as(() => ({ token: "other" })));
    await ann.get("/x");
    for (const other of others.slice(0, 500)) await other.get("/x");
    await ann.get("/x");
    assert.equal(asked, 1);
    for (const other of others) await other.get("/x");
    await ann.get("/x");
    assert.equal(asked, 2);
  });
});
