// The lists of names that the core gives with its settings: the package obeys each name of them, and has no list of its own.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { createClient, createFetch } from "unruffled";
import { Core } from "../../.build/internal.js";
import { json, packageFile, scripted, TestClock } from "../kit.js";

const URL_ = "https://api.example.com/x";
const { retryCounts, secretHeaders, streamType } = JSON.parse(Core.open("{}", false).settings());

/** Makes one call to a server that always fails; returns the number of requests. */
async function requests(headers) {
  const fetch = scripted(json({}, 503));
  const clock = new TestClock();
  const call = createFetch({ retry: { attempts: 2 } }, { fetch, clock })(URL_, { headers });
  await clock.pass(10_000);
  await call;
  return fetch.calls.length;
}

describe("a header with a caller's retry count", () => {
  const FORMS = [(pair) => Object.fromEntries([pair]), (pair) => [pair], (pair) => new Headers([pair])];

  it("from the least number of the core on means one attempt, in every form and case", async () => {
    for (const [name, least] of Object.entries(retryCounts)) {
      for (const form of FORMS) {
        assert.equal(await requests(form([name.toUpperCase(), `attempt=${least}; max=9`])), 1, name);
        assert.equal(await requests(form([name, String(least)])), 1, name);
        assert.equal(await requests(form([name, `${least - 1}; max=9`])), 2, name);
      }
    }
    assert.equal(await requests({ "x-stainless-retry-count": "none" }), 2);
  });
});

describe("a header with a secret", () => {
  it("that the caller wrote makes a redirect to another origin fail, unless fetch itself drops it", async () => {
    for (const name of secretHeaders) {
      const fetch = scripted(
        new Response(null, { status: 302, headers: { location: "https://b.example/" } }),
        json({}),
      );
      const client = createClient({ baseUrl: "https://a.example", retry: { attempts: 1 } }, { fetch });
      const call = client.get("/x", { headers: { [name]: "k" } });
      if (name === "authorization") await call.catch(() => {});
      else await assert.rejects(call, ({ cause }) => /another origin/.test(cause.message), name);
      assert.equal(fetch.calls.length, 1, name);
      assert.equal(fetch.calls[0].init.redirect, name === "authorization" ? undefined : "manual", name);
    }
  });
});

describe("a secret of a drop-in's call whose redirects are followed here", () => {
  it("stays at the first origin", async () => {
    const fetch = scripted(new Response(null, { status: 307, headers: { location: "https://b.example/" } }), json({}));
    const sent = { accept: "a/b", ...Object.fromEntries([...secretHeaders].map((name) => [name, "k"])) };
    await createFetch({}, { fetch })(URL_, { method: "POST", body: "{}", headers: sent });
    const [first, second] = fetch.calls.map(({ headers }) => [...headers.keys()].filter((name) => name in sent));
    assert.deepEqual(first, Object.keys(sent).sort());
    assert.deepEqual(second, ["accept"]);
  });
});

describe("the package's source", () => {
  it("has no name of the lists, but the one that fetch itself drops", () => {
    const folder = new URL("../../src/", import.meta.url);
    for (const file of readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".ts"))) {
      const text = packageFile(`src/${file}`).toLowerCase();
      for (const name of [...Object.keys(retryCounts), ...secretHeaders, streamType]) {
        if (name !== "authorization") assert.ok(!text.includes(`"${name}`), `${file}: ${name}`);
      }
    }
  });
});
