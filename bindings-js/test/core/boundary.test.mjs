// The boundary takes any number: a bad one returns a Misuse word and changes nothing. A trap marks one engine dead.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { Core, Rejected, word } from "../../.build/internal.js";

const GET = word.REPEATABLE;
const HOSTILE = [Number.NaN, Infinity, -Infinity, -1, -0.5, 0.5, 2 ** 32, 2 ** 53, 2 ** 53 + 2, 2 ** 64, 1e308];
const NOTHING = new Uint8Array(0);

function engine(policy = { baseUrl: "https://api.example.com" }) {
  const core = Core.open(JSON.stringify(policy), false);
  core.seed(1);
  return core;
}

const text = (value) => word.text(value);
const isMisuse = (value) => assert.match(text(value), /^Misuse /, String(value));

describe("hostile numbers", () => {
  const inputs = {
    begin: [(core, x) => core.begin(x, 0, 0, 0, GET, 0), (core, x) => core.begin(1, 0, x, 0, GET, 0)],
    "begin, scope and what": [(core, x) => core.begin(1, 0, 0, x, GET, 0), (core, x) => core.begin(1, 0, 0, 0, x, 0)],
    respond: [(core, x) => core.respond(x, 0, 200)],
    respondWith: [(core, x) => core.respondWith(x, 0, 0, 200, NOTHING, NOTHING)],
    fault: [(core, x) => core.fault(x, 0, 0), (core, x) => core.fault(1, 0, x)],
    resume: [(core, x) => core.resume(x, 0)],
    abandon: [(core, x) => core.abandon(x, 0)],
    token: [(core, x) => core.token(0, x, 0), (core, x) => core.tokenFailed(0, x, 0, 0)],
    tokenFailed: [(core, x) => core.tokenFailed(0, 1, x, 0)],
  };
  for (const [name, calls] of Object.entries(inputs)) {
    it(`${name} answers Misuse`, () => {
      for (const call of calls) for (const value of HOSTILE) isMisuse(call(engine(), value));
    });
  }

  it("times that are no whole numbers up to 2^53 answer Misuse", () => {
    for (const value of HOSTILE.filter((value) => !Number.isInteger(value) || value < 0 || value > 2 ** 53)) {
      const core = engine();
      isMisuse(core.begin(1, value, 0, 0, GET, 0));
      isMisuse(core.begin(1, 0, 0, 0, GET, value));
      core.begin(1, 0, 0, 0, GET, 0);
      isMisuse(core.respond(1, value, 200));
      isMisuse(core.respondWith(1, 0, value, 200, NOTHING, NOTHING));
      isMisuse(core.fault(1, value, 0));
      isMisuse(core.resume(1, value));
      isMisuse(core.abandon(1, value));
      isMisuse(core.online(value));
      isMisuse(core.close(value));
      assert.equal(text(core.respond(1, 1, 200)), "Deliver", "the call is as it was");
    }
  });

  it("texts for hostile numbers are texts", () => {
    const core = engine();
    for (const value of HOSTILE) {
      assert.equal(typeof core.report(value), "string");
      JSON.parse(core.snapshot(value));
      core.seed(value);
      core.subscribe(value);
      JSON.parse(Core.brief(value, value));
    }
    JSON.parse(core.settings());
  });

  it("statuses outside 100 to 999 do not end the engine", () => {
    for (const status of [0, 1, 99, 600, 999, 1000, 65536, 2 ** 32 - 1]) {
      const core = engine();
      core.begin(1, 0, 0, 0, GET, 0);
      assert.match(text(core.respond(1, 1, status)), /^(Deliver|Misuse|Wait|Fail)/);
      assert.equal(text(core.begin(2, 2, 0, 0, GET, 0)), "Send 10000");
    }
  });
});

describe("calls in the wrong order", () => {
  it("a live id answers live", () => {
    const core = engine();
    assert.equal(text(core.begin(1, 0, 0, 0, GET, 0)), "Send 10000");
    assert.equal(text(core.begin(1, 0, 0, 0, GET, 0)), "Misuse live");
    assert.equal(core.begin(1, 0, 0, 0, GET, 0), word.LIVE_WORD);
  });

  it("an unknown id answers unknown", () => {
    const core = engine();
    assert.equal(text(core.respond(7, 0, 200)), "Misuse unknown");
    assert.equal(text(core.resume(7, 0)), "Misuse unknown");
    assert.equal(text(core.abandon(7, 0)), "Misuse unknown");
  });

  it("a second end answers Misuse", () => {
    const core = engine();
    core.begin(1, 0, 0, 0, GET, 0);
    assert.equal(text(core.respond(1, 1, 200)), "Deliver");
    isMisuse(core.respond(1, 2, 200));
    isMisuse(core.fault(1, 2, 0));
    isMisuse(core.abandon(1, 2));
  });

  it("an answer to a waiting call answers Misuse and changes nothing", () => {
    const core = engine();
    core.begin(1, 0, 0, 0, GET, 0);
    assert.match(text(core.respond(1, 1, 503)), /^Wait /);
    isMisuse(core.respond(1, 2, 200));
    assert.equal(text(core.resume(1, 1000)), "Send 10000");
    isMisuse(core.resume(1, 1001));
  });

  it("a token that nobody asked for answers Misuse", () => {
    isMisuse(engine().token(0, 3, 0));
    isMisuse(engine().tokenFailed(0, 3, 0, 0));
  });

  it("a closed engine fails new calls and says nothing else", () => {
    const core = engine();
    core.begin(1, 0, 0, 0, GET, 0);
    core.close(1);
    assert.match(text(core.begin(2, 2, 0, 0, GET, 0)), /^Fail closed not-sent/);
    assert.equal(text(core.respond(1, 3, 200)), "Deliver", "in flight may deliver");
    core.close(4);
  });

  it("unknown routes and scopes answer Misuse", () => {
    isMisuse(engine().begin(1, 0, 4000, 0, GET, 0));
    isMisuse(engine().begin(1, 0, 0, 4000, GET, 0));
  });
});

describe("a trap", () => {
  it("marks its engine dead, rejects its call and leaves the others alone", async () => {
    const text = `
      const { Instance } = WebAssembly;
      let armed = false;
      WebAssembly.Instance = class {
        constructor(...given) {
          const exports = { ...new Instance(...given).exports };
          const { engine_respond: respond } = exports;
          exports.engine_respond = (...args) => {
            if (armed) throw new WebAssembly.RuntimeError("unreachable");
            return respond(...args);
          };
          this.exports = exports;
        }
      };
      const { Core, createClient, word } = await import("./.build/internal.js");
      const open = () => createClient("https://a.example", { fetch: async () => new Response("{}") });
      const [one, two] = [open(), open()];
      await one.get("/x").json();
      armed = true;
      const error = await one.get("/x").json().catch((error) => error);
      armed = false;
      const after = await one.get("/x").json().catch((error) => error);
      console.log(error.message, "|", after.message, "|", (await two.get("/x")).status);
      one.close();
      console.log(JSON.stringify(one.snapshot()));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", text], {
      cwd: new URL("../../", import.meta.url),
    });
    assert.match(stdout, /the core answered Misuse dead.* \| .*Misuse dead.* \| 200\n\{\}/);
  });
});

describe("an engine that nobody holds any more", () => {
  it("is freed, unless it is dead: what a trap left behind is not touched", async () => {
    const text = `
      let armed = false;
      const released = [];
      WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
        construct(Instance, given) {
          const { exports } = new Instance(...given);
          const begin = (...args) => {
            if (armed) throw new WebAssembly.RuntimeError("unreachable");
            return exports.engine_begin(...args);
          };
          const free = (...args) => {
            released.push(args[0]);
            exports.__wbg_engine_free(...args);
          };
          return { exports: { ...exports, engine_begin: begin, __wbg_engine_free: free } };
        },
      });
      const { createClient } = await import("unruffled");
      const use = async (dead) => {
        const client = createClient("https://a.example", { fetch: async () => new Response("{}") });
        armed = dead;
        await client.get("/x").json().catch(() => {});
        armed = false;
      };
      for (const dead of [false, true, false]) await use(dead);
      for (let i = 0; i < 10; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
      console.log(released.length);
      process.exit();`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--input-type=module", "-e", text], {
      cwd: new URL("../../", import.meta.url),
    });
    assert.equal(stdout.trim(), "2");
  });
});

describe("engines", () => {
  it("two know nothing of each other", () => {
    const [one, two] = [engine(), engine()];
    one.begin(1, 0, 0, 0, GET, 0);
    assert.equal(text(two.respond(1, 0, 200)), "Misuse unknown");
    one.close(1);
    assert.equal(text(two.begin(1, 1, 0, 0, GET, 0)), "Send 10000");
  });

  it("a policy that is wrong gives issues, and the next one opens", () => {
    for (const policy of [
      '{"retyr":{}}',
      "",
      "{",
      "[]",
      "null",
      "\u0000",
      `"${"x".repeat(10_000_000)}"`,
      "[".repeat(100_000),
    ]) {
      const opened = Core.open(policy, false);
      assert.ok(opened instanceof Rejected, policy.slice(0, 20));
      assert.ok(opened.issues.length > 0);
      for (const issue of opened.issues) assert.equal(typeof issue.text, "string");
    }
    engine();
  });

  it("foreign bytes and long texts are taken", () => {
    const core = engine();
    core.begin(1, 0, 0, 0, GET, 0);
    const noise = Uint8Array.from({ length: 100_000 }, (_, at) => at * 7);
    assert.match(text(core.respondWith(1, 1, 0, 503, noise, noise)), /^(Wait|Fail|Misuse)/);
    core.route("\ud800 //");
    core.scope("\ud800".repeat(1000), "x".repeat(100_000));
    assert.equal(text(core.begin(2, 2, 0, 0, GET, 0)), "Send 10000");
  });
});
