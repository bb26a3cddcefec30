// Jest with jsdom, whose pages have neither TextEncoder nor fetch. The package is loaded as by Jest. It names what is
// missing, and works when that is set.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, it } from "node:test";
import vm from "node:vm";
import { TestEnvironment } from "jest-environment-jsdom";

const config = {
  globalConfig: {},
  projectConfig: { rootDir: import.meta.dirname, testEnvironmentOptions: {}, globals: {} },
};
const environment = new TestEnvironment(config, { console, docblockPragmas: {}, testPath: import.meta.filename });
await environment.setup();
after(() => environment.teardown());

/** Loads a CommonJS file of the package in the page. */
const loaded = new Map();
function load(file) {
  if (!loaded.has(file)) {
    const module = { exports: {} };
    loaded.set(file, module);
    const how = { parsingContext: environment.getVmContext(), filename: file };
    const run = vm.compileFunction(readFileSync(file, "utf8"), ["module", "exports", "require"], how);
    run(module, module.exports, (name) => load(path.resolve(path.dirname(file), name)));
  }
  return loaded.get(file).exports;
}

it("says what is not there, and works once it is", async () => {
  assert.deepEqual(await environment.exportConditions(), ["browser"]);
  const at = path.join(import.meta.dirname, "../../package.json");
  const { exports } = JSON.parse(readFileSync(at, "utf8"));
  const { createClient, createFetch } = load(path.resolve(path.dirname(at), exports["."].browser.require.default));
  const cure = 'set it on globalThis (Jest: testEnvironment "node")';
  for (const make of [() => createClient("https://a.example"), () => createFetch({})]) {
    assert.throws(make, {
      name: "NotSupportedError",
      message: `unruffled: this platform has no TextEncoder, no TextDecoder; ${cure}`,
    });
  }
  Object.assign(environment.global, { TextEncoder, TextDecoder });
  const policy = { baseUrl: "https://a.example", retry: { base: "1ms" } };
  for (const call of [() => createClient(policy).get("/x"), () => createFetch(policy)("https://a.example/x")]) {
    await assert.rejects(call, {
      name: "NotSupportedError",
      message: `unruffled: this platform has no Response, no fetch; ${cure}`,
    });
  }
  Object.assign(environment.global, { Response });
  const answers = [503, 200, 503, 200, 404];
  const fetch = async () => new Response('{"ok":true}', { status: answers.shift() });
  assert.equal((await createClient(policy, { fetch }).get("/x").json()).ok, true);
  assert.equal((await createFetch(policy, { fetch })("https://a.example/x")).status, 200);
  await assert.rejects(createClient(policy, { fetch }).get("/x"), { name: "StatusError", status: 404 });
});
