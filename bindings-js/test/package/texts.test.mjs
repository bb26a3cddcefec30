// The first mistakes of new users, and the texts that they read: plays each entry of the shared lists.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { createClient, PolicyError } from "unruffled";
import { certificate, servingTls } from "../shared/certificates.js";
import { startFaults } from "../shared/faults.js";
import { ROOT } from "../shared/files.js";
import { Host } from "../shared/scenarios.js";

const listed = (name) => JSON.parse(readFileSync(`${ROOT}tests/mistakes/${name}.json`, "utf8"));
const same = (text) => text.replaceAll(/\b\d+ ms\b/g, "N ms");

/** Returns a port of this machine on which no program listens. */
async function closedPort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("policies", () => {
  for (const { name, policy, says } of listed("policy")) {
    it(name, () => {
      const is = (error) => {
        assert.ok(error instanceof PolicyError);
        assert.deepEqual(
          error.issues.map(({ text }) => text),
          says,
        );
        return true;
      };
      assert.throws(() => createClient({ baseUrl: "https://api.example.com", ...policy }), is);
    });
  }
});

describe("options", () => {
  for (const { name, make, call, says } of listed("options").filter(({ says }) => says.js !== undefined)) {
    it(name, async () => {
      if (make !== undefined) {
        assert.throws(() => createClient("https://api.example.com", make), { name: "TypeError", message: says.js });
        return;
      }
      const client = createClient("https://api.example.com", { fetch: () => assert.fail("sent") });
      const message = `POST /orders: nothing was sent (misuse, outcome not-sent). ${says.js}`;
      await assert.rejects(client.post("/orders", call), { name: "CallError", message });
    });
  }
});

describe("calls", () => {
  let faults;
  before(async () => {
    faults = await startFaults();
  });
  after(() => faults.stop());

  const BASES = {
    closed: async (_, use) => use(`http://127.0.0.1:${await closedPort()}`),
    https: (_, use) => use(faults.address.replace("http:", "https:")),
    "self-signed": (_, use) => servingTls(certificate(), use),
    served: async ({ name, server }, use) => {
      const run = `${faults.address}/_faults/runs/said-${name.replaceAll(/\W/g, "-")}`;
      const response = await fetch(run, { method: "PUT", body: JSON.stringify(server ?? {}) });
      const { base } = await response.json();
      await use(base);
    },
  };

  for (const mistake of listed("calls")) {
    it(mistake.name, async () => {
      const place = BASES[mistake.base ?? "served"] ?? ((_, use) => use(mistake.base));
      await place(mistake, async (base) => {
        const host = new Host(await import("unruffled"), mistake, base);
        if (mistake.closed === true) host.client.close();
        const { text } = await host.call(mistake, 0, 0);
        assert.equal(same(String(text).split("\n")[0]), mistake.says);
      });
    });
  }
});
