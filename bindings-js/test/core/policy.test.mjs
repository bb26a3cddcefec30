// The Policy type has exactly the keys of the core. The core lists its keys in the issue about an unknown one.

import assert from "node:assert/strict";
import { it } from "node:test";
import { Core } from "../../.build/internal.js";
import { packageFile } from "../kit.js";

const FOREIGN = "zzzzzzzzzzzzzzzzzzzz";

/** For each interface of policy.ts, a policy with an unknown key at its place. */
const places = {
  Policy: (foreign) => foreign,
  Version: (foreign) => ({ version: foreign }),
  Timeouts: (foreign) => ({ timeouts: foreign }),
  ClientRetry: (foreign) => ({ retry: foreign }),
  Budget: (foreign) => ({ retry: { budget: foreign } }),
  Idempotency: (foreign) => ({ idempotency: foreign }),
  Rule: (foreign) => ({ classify: [foreign] }),
  ClientBreaker: (foreign) => ({ breaker: foreign }),
  Limit: (foreign) => ({ limits: [foreign] }),
  Gauge: (foreign) => ({ limits: [{ headers: foreign }] }),
  RoutePolicy: (foreign) => ({ routes: { "GET /x": foreign } }),
  Retry: (foreign) => ({ routes: { "GET /x": { retry: foreign } } }),
  Breaker: (foreign) => ({ breaker: { scope: "route" }, routes: { "GET /x": { breaker: foreign } } }),
};

/** Keys without a meaning, which the core does not list. */
const SILENT = ["note", "$schema"];

function known(policy) {
  const { issues } = Core.open(JSON.stringify(policy), false);
  const [text] = issues.map((issue) => issue.text).filter((text) => text.includes(`${FOREIGN}: unknown key; `));
  return text.split("; ")[1].replace(" or ", ", ").split(", ").sort();
}

function typed(name) {
  const source = packageFile("src/core/policy.ts");
  const [, parent, body] = source.match(
    new RegExp(`interface ${name} (?:extends (\\w+) )?\\{([^}]*(?:\\{[^}]*\\}[^}]*)*)\\n\\}`),
  );
  const own = [...body.matchAll(/^ {2}readonly ([$\w]+)\?:/gm)].map(([, key]) => key);
  return [...own, ...(parent === undefined ? [] : typed(parent))];
}

for (const [name, place] of Object.entries(places)) {
  it(`${name} has the core's keys`, () => {
    const keys = typed(name).filter((key) => !SILENT.includes(key));
    assert.deepEqual([...new Set(keys)].sort(), known(place({ [FOREIGN]: 1 })));
  });
}

it("no interface of policy.ts is left out here", () => {
  const names = [...packageFile("src/core/policy.ts").matchAll(/^export interface (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(names.sort(), Object.keys(places).sort());
});
