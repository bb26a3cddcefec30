// The types of the package: one file for each entry, equal to that in the folder api.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { packageFile } from "../kit.js";

const ENTRIES = ["axios", "index", "slim", "undici"];
const files = (folder) => readdirSync(new URL(`../../${folder}`, import.meta.url), { recursive: true });

describe("types", () => {
  it("are one file for each entry and module format", () => {
    const declared = files("dist").filter((file) => /\.d\.c?ts$/.test(file));
    assert.deepEqual(declared.sort(), ENTRIES.flatMap((name) => [`${name}.d.cts`, `${name}.d.ts`]).sort());
  });

  it("import nothing but each other", () => {
    for (const name of ENTRIES) {
      const imported = [...packageFile(`dist/${name}.d.ts`).matchAll(/from ["']([^"']*)["']|import\(/g)];
      assert.deepEqual(
        imported.map(([, from]) => from),
        name === "slim" ? ["./index.js"] : [],
      );
    }
  });

  for (const name of ENTRIES) {
    it(`of ${name} are those of api/${name}.d.ts; after a change that is meant: npm run api`, () => {
      assert.equal(packageFile(`dist/${name}.d.ts`), packageFile(`api/${name}.d.ts`));
    });
  }
});
