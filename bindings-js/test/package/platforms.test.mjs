// Platforms without a global that the package needs: the first use throws an error that names it and says what to do.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const folder = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** Runs a program's text without some globals. */
async function without(names, text, entry = "unruffled") {
  const lines = [...names.map((name) => `delete globalThis.${name};`), `const u = await import("${entry}");`, text];
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", lines.join("\n")], { cwd: folder });
  return stdout.trim();
}

const MAKES = `[() => u.createClient("https://a.example"), () => u.createFetch({})]`;
const SET = 'set it on globalThis (Jest: testEnvironment "node")';
const ELSEWHERE = "call from a server (Hermes, Lockdown Mode)";

describe("a platform without", () => {
  for (const [lacking, says] of [
    [["WebAssembly"], `no WebAssembly; ${ELSEWHERE}`],
    [["TextEncoder"], `no TextEncoder; ${SET}`],
    [["TextDecoder"], `no TextDecoder; ${SET}`],
    [["TextEncoder", "TextDecoder"], `no TextEncoder, no TextDecoder; ${SET}`],
    [["WebAssembly", "TextDecoder"], `no WebAssembly, no TextDecoder; ${ELSEWHERE}`],
  ]) {
    it(`${lacking}: making a client or a drop-in says so`, async () => {
      const text = `for (const make of ${MAKES}) try { make(); } catch (e) { console.log(e.name, e.message); }`;
      const line = `NotSupportedError unruffled: this platform has ${says}`;
      assert.equal(await without(lacking, text), `${line}\n${line}`);
      if (lacking[0] !== "WebAssembly") return;
      const slim = `try { u.init(new Uint8Array(8)); } catch (e) { console.log(e.name, e.message); }`;
      assert.equal(await without(lacking, slim, "unruffled/slim"), line);
    });
  }

  it("fetch: a call says so, unless one is handed in or has come since", async () => {
    const text = `
      const calls = [() => u.createClient("https://a.example").get("/x"), () => u.createFetch({})("https://a.example/x")];
      for (const call of calls) await call().catch((e) => console.log(e.name, e.message));
      const fetch = async () => new Response("{}");
      const made = [u.createClient("https://a.example"), u.createFetch({})];
      console.log((await u.createClient("https://a.example", { fetch }).get("/x")).status);
      globalThis.fetch = fetch;
      console.log((await made[0].get("/x")).status, (await made[1]("https://a.example/x")).status);`;
    const line = `NotSupportedError unruffled: this platform has no fetch; ${SET}`;
    assert.equal(await without(["fetch"], text), [line, line, "200", "200 200"].join("\n"));
  });

  it("Response: a call says so before anything is sent, whoever sends", async () => {
    const text = `
      const fetch = async () => console.log("sent");
      for (const options of [{}, { fetch }]) {
        await u.createClient("https://a.example", options).get("/x").catch((e) => console.log(e.name, e.message));
        await u.createFetch({}, options)("https://a.example/x").catch((e) => console.log(e.name, e.message));
      }`;
    const line = `NotSupportedError unruffled: this platform has no Response; ${SET}`;
    assert.equal(await without(["Response"], text), [line, line, line, line].join("\n"));
  });
});
