// Mistakes of users who come from other libraries, and the text of the error for each.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import axios from "axios";
import { CallError, createClient, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { createInterceptor } from "unruffled/undici";
import { json, scripted, serving } from "../kit.js";
import { ROOT } from "../shared/files.js";

const aliases = JSON.parse(readFileSync(`${ROOT}tests/aliases.json`, "utf8"));
const BASE = "https://api.example.com";

describe("options that do not exist", () => {
  const fetch = scripted(json({}));
  const client = createClient(BASE, { fetch });

  for (const [name, ours] of Object.entries({ ...aliases.options, ...aliases.javascript })) {
    it(`${name} of a call`, async () => {
      const is = (error) => {
        assert.ok(error instanceof CallError);
        assert.equal(error.reason, "misuse");
        assert.ok(error.message.includes(`${name}: unknown option; did you mean ${ours}?`), error.message);
        return true;
      };
      await assert.rejects(client.get("/x", { [name]: 1 }), is);
      await assert.rejects(client.stream("GET", "/x", { [name]: 1 }), is);
    });
  }

  for (const [name, ours] of Object.entries(aliases.javascriptClient)) {
    it(`${name} of a client and of a drop-in`, () => {
      const is = { name: "TypeError", message: `${name}: unknown option; did you mean ${ours}?` };
      for (const make of [createClient, createFetch, createInterceptor, (...given) => createAdapter(axios, ...given)]) {
        assert.throws(() => make(BASE, { [name]: 1 }), is);
      }
    });
  }

  it("one that nobody has heard of names those that there are", async () => {
    await assert.rejects(client.post("/x", { sku: 7 }), /sku: unknown option; there are path, query, /);
    assert.throws(() => createClient(BASE, { sku: 7 }), /sku: unknown option; there are baseUrl, .*credentials/);
  });

  it("nothing was sent", () => assert.equal(fetch.calls.length, 0));
});

describe("values that cannot be meant", () => {
  it("an object as body", async () => {
    const client = createClient(BASE, { fetch: scripted(json({})) });
    for (const body of [{ a: 1 }, [1, 2]]) {
      await assert.rejects(client.post("/x", { body }), /body: .*did you mean json\?/);
    }
    await client.post("/x", { body: new URLSearchParams({ a: 1 }) });
  });

  it("credentials that are no function, at construction", () => {
    for (const credentials of ["token", { token: "t" }, null]) {
      assert.throws(
        () => createClient(BASE, { credentials }),
        /credentials: not a function; write credentials: \(\) => /,
      );
    }
    assert.throws(() => createClient(BASE).as("token"), /credentials: not a function/);
  });

  it("a call after close says so", async () => {
    const client = createClient(BASE, { fetch: scripted(json({})) });
    client.close();
    await assert.rejects(client.get("/x"), (error) => {
      assert.equal(error.reason, "closed");
      assert.match(error.message, /The client is closed/);
      return true;
    });
  });
});

describe("texts of drop-ins", () => {
  const SECRET = "/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage";
  it("show the route's pattern, or nothing of the path", async () => {
    for (const [policy, shown] of [
      [{}, `POST ${BASE}:`],
      [{ baseUrl: BASE, routes: { "POST /{bot}/sendMessage": {} } }, `POST ${BASE}/{bot}/sendMessage:`],
    ]) {
      const fetch = createFetch(policy, { fetch: scripted(json({})) });
      fetch.close();
      await assert.rejects(fetch(BASE + SECRET, { method: "POST" }), (error) => {
        const text = `${error.message} ${error.cause.message} ${fetch.explain(error)}`;
        assert.ok(!text.includes("AAHdq"), text);
        assert.ok(text.includes(shown), text);
        return true;
      });
      const adapter = createAdapter(axios, policy);
      adapter.close();
      await assert.rejects(axios.post(BASE + SECRET, {}, { adapter }), (error) => {
        assert.ok(!`${error.message} ${error.cause.message}`.includes("AAHdq"));
        return true;
      });
    }
  });
});

describe("a call with a key in a header of its own", () => {
  const headers = { "X-Api-Key": "k", "Idempotency-Key": "mine" };

  it("follows redirects within its origin as fetch does", async () => {
    const seen = [];
    const answer = (request, response) => {
      const { method, url } = request;
      seen.push([method, url, request.headers["x-api-key"], request.headers["idempotency-key"]]);
      if (url === "/a") return response.writeHead(301, { location: "/b" }).end();
      if (url === "/c") return response.writeHead(307, { location: "/b" }).end();
      response.end("{}");
    };
    await serving(answer, async (base) => {
      const client = createClient({ baseUrl: base, retry: { base: "1ms" } });
      await client.get("/a", { headers }).json();
      await client.post("/a", { headers, json: { a: 1 } }).json();
      await client.put("/c", { headers, json: { a: 1 } }).json();
      const expected = [...seen];
      seen.length = 0;
      const body = '{"a":1}';
      await fetch(`${base}/a`, { headers });
      await fetch(`${base}/a`, { headers, method: "POST", body });
      await fetch(`${base}/c`, { headers, method: "PUT", body });
      assert.deepEqual(expected, seen);
    });
  });

  it("does not take it to another origin", async () => {
    let asked = 0;
    await serving(
      (_, response) => {
        asked++;
        response.end("{}");
      },
      async (other) => {
        const answer = (_, response) => response.writeHead(302, { location: `${other}/x` }).end();
        await serving(answer, async (base) => {
          const client = createClient({ baseUrl: base, retry: { base: "1ms" } });
          await assert.rejects(client.get("/a", { headers }).json(), TypeError);
        });
      },
    );
    assert.equal(asked, 0);
  });
});
