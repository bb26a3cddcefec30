// Fake timers of sinon, jest and vitest (one package) and of node:test. Requests over real sockets take real time, waits
// follow the fake clock, and no call hangs.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { afterEach, describe, it, mock } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import FakeTimers from "@sinonjs/fake-timers";
import axios from "axios";
import { createClient, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { json, serving } from "../kit.js";
import { underEach } from "../shared/undici.js";

// The real functions, taken before they are replaced.
const { setImmediate: turn, setTimeout: later } = globalThis;
const now = performance.now.bind(performance);
const POLICY = { retry: { base: "10m", cap: "1h" }, timeouts: { total: "24h", attempt: "20s" } };

const FRAMEWORKS = {
  "sinon, jest, vitest": () => {
    // As jest and vitest do: Node's streams need nextTick.
    const toFake = [
      "setTimeout",
      "clearTimeout",
      "setInterval",
      "clearInterval",
      "setImmediate",
      "Date",
      "performance",
    ];
    const clock = FakeTimers.install({ toFake });
    return { pass: (ms) => clock.tick(ms), end: () => clock.uninstall() };
  },
  "node:test": () => {
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate", "Date"] });
    return { pass: (ms) => mock.timers.tick(ms), end: () => mock.timers.reset() };
  },
};

let end = () => {};
afterEach(() => end());

/** Milliseconds that pass on the fake clock during one request. Node's fetch has a limit of 300 s for headers there. */
const DURING = 200_000;

/** Moves the fake clock on and lets sockets work until the promise is settled. `seen.open`: a request is in flight. */
async function through(promise, clock, ms, seen = { open: false }) {
  let during = 0;
  let open = true;
  const done = promise.finally(() => {
    open = false;
  });
  done.catch(() => {});
  const start = now();
  while (open && now() - start < 5000) {
    during = seen.open ? during + ms : 0;
    clock?.pass(during < DURING ? ms : 0);
    await new Promise((resolve) => turn(resolve));
  }
  assert.ok(!open, "hangs");
  return done;
}

/** Answers the first request with an error, and each after some real time. */
function slow(seen) {
  return (request, response) => {
    request.resume();
    seen.push(request.method);
    seen.open = true;
    later(() => {
      seen.open = false;
      response.writeHead(seen.length === 1 ? 503 : 200).end("{}");
    }, 30);
  };
}

for (const [name, install] of Object.entries(FRAMEWORKS)) {
  describe(name, () => {
    it("a verb and createFetch: minutes that pass in the fake cut no request, and ends a wait", async () => {
      for (const call of [
        (base) =>
          createClient({ ...POLICY, baseUrl: base })
            .get("/x")
            .json(),
        (base) => createFetch(POLICY)(base),
      ]) {
        const seen = [];
        await serving(slow(seen), async (base) => {
          const clock = install();
          end = clock.end;
          try {
            // An attempt of 20 s would have timed out.
            await through(call(base), clock, 1000, seen);
          } finally {
            clock.end();
          }
        });
        assert.equal(seen.length, 2);
      }
    });

    it("axios: a POST without a key goes", async () => {
      const seen = ["before"];
      await serving(slow(seen), async (base) => {
        const adapter = createAdapter(axios, POLICY);
        const clock = install();
        end = clock.end;
        const { status } = await through(axios.post(base, {}, { adapter, proxy: false }), clock, 0);
        clock.end();
        assert.equal(status, 200);
      });
    });

    it("a fetch that is a fake: its limit is in fake time as well", async () => {
      const clock = install();
      end = clock.end;
      let asked = 0;
      const silent = ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      const fetch = (_, init) => (asked++ === 0 ? silent(init) : Promise.resolve(json({})));
      const policy = { baseUrl: "https://a.example", timeouts: { attempt: "1s" }, retry: { base: "1ms" } };
      await through(createClient(policy, { fetch }).get("/x").json(), clock, 100);
      clock.end();
      assert.equal(asked, 2);
    });
  });
}

await underEach(({ request }, setup) => {
  it("a POST without a key goes under fake timers", async () => {
    const { base, dispatcher } = await setup(POLICY, [200]);
    const clock = FRAMEWORKS["sinon, jest, vitest"]();
    end = clock.end;
    const { statusCode } = await through(request(base, { dispatcher, method: "POST", body: "{}" }), null, 0);
    clock.end();
    assert.equal(statusCode, 200);
  });
});

describe("everything is faked, as sinon does unless told otherwise", () => {
  /** The functions that the manual names: all but those that Node's sockets and streams need. */
  const LIST = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"];
  const WAYS = {
    fetch: ["(await fetch(base, post)).text()", "(await createFetch({})(base, post)).text()"],
    undici: [
      "(await undici.request(base, { ...post, dispatcher: agent })).body.text()",
      "(await undici.request(base, { ...post, dispatcher: agent.compose(createInterceptor({})) })).body.text()",
    ],
    axios: [
      "axios.post(base, {}, { proxy: false })",
      "axios.post(base, {}, { proxy: false, adapter: createAdapter(axios, {}) })",
    ],
    client: ["(await fetch(base, post)).text()", "createClient(base).post('/x', { json: {} }).json()"],
  };
  const program = (base, call) => `
    import FakeTimers from "@sinonjs/fake-timers";
    import axios from "axios";
    import * as undici from "undici";
    import { createClient, createFetch } from "unruffled";
    import { createAdapter } from "unruffled/axios";
    import { createInterceptor } from "unruffled/undici";
    const { performance: { now }, setImmediate: turn } = { performance: { now: performance.now.bind(performance) }, setImmediate };
    const base = ${JSON.stringify(base)};
    const post = { method: "POST", body: "{}" };
    const agent = new undici.Agent();
    const call = async () => ${call};
    const turns = async (ms, each = () => {}) => {
      for (const start = now(); open && now() - start < ms; each()) await new Promise((resolve) => turn(resolve));
    };
    let open = true;
    // A kept connection has time limits of its own.
    await call();
    await turns(20);
    const seen = [];
    for (const [config, ticks] of [[{ toFake: ${JSON.stringify(LIST)} }, false], [{}, false], [{}, true]]) {
      const clock = FakeTimers.install(config);
      open = true;
      const done = call().finally(() => { open = false; });
      await turns(config.toFake || ticks ? 5000 : 300, () => ticks && clock.tick(0));
      seen.push(!open);
      await turns(5000, () => clock.tick(0));
      clock.uninstall();
      await done;
    }
    console.log(JSON.stringify(seen));
    process.exit();`;

  for (const [name, calls] of Object.entries(WAYS)) {
    it(`${name}: without ticks nothing ends, with ours as with the bare one; with the list of the manual all does`, async () => {
      const answer = (request, response) => request.resume().on("end", () => response.end("{}"));
      const cwd = fileURLToPath(new URL("../../", import.meta.url));
      await serving(answer, async (base) => {
        for (const call of calls) {
          const args = ["--input-type=module", "-e", program(base, call)];
          const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 30_000 });
          assert.deepEqual(JSON.parse(stdout), [true, false, true], call);
        }
      });
    });
  }
});
