// Clocks that advance in steps, as in Firefox in steps of 100 ms. Timers seem to fire early there, and no time was skipped.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createClient } from "unruffled";
import { TimeoutQueue } from "../../.build/internal.js";
import { json, scripted, settled, TestClock, watched } from "../kit.js";

/** A clock that shows its time in steps, with exact timers. */
class SteppedClock extends TestClock {
  now() {
    return Math.floor(super.now() / 100) * 100;
  }
}

describe("a clock in steps of 100 ms", () => {
  it("short limits do not shorten the long ones beside them", async () => {
    const clock = new SteppedClock();
    const timeouts = new TimeoutQueue(clock);
    const ends = [];
    const owner = (name) => ({ entry: null, expired: () => ends.push([name, clock.time - 1000]) });
    timeouts.add(owner("long"), 5000);
    for (let at = 0; at < 30; at++) {
      const short = owner("short");
      timeouts.add(short, 150);
      await clock.pass(10);
      timeouts.remove(short);
      await clock.pass(145);
    }
    await clock.pass(1000);
    const [, at] = ends.find(([name]) => name === "long");
    assert.ok(at >= 5000 && at <= 5200, `after ${at} ms`);
  });

  it("waits do not make the engine's time run ahead", async () => {
    const clock = new SteppedClock();
    const fetch = scripted(...Array.from({ length: 40 }, (_, at) => json({}, at % 2 === 0 ? 503 : 200)));
    const policy = { baseUrl: "https://a.example", retry: { base: "350ms", attempts: 3 } };
    const client = createClient(policy, { fetch, clock });
    const ends = [];
    client.on(({ at }) => ends.push([at, clock.time - 1000]), "call");
    for (let at = 0; at < 20; at++) {
      const call = watched(client.get("/x"));
      await clock.pass(777);
      await settled();
      assert.equal(call.state, "fulfilled");
    }
    for (const [told, passed] of ends) assert.ok(told <= passed, `${told} ms are told after ${passed} ms`);
    assert.equal(ends.length, 20);
  });
});

describe("timers that fire while the clock stands still", () => {
  it("end a wait, a short one after some of them", async () => {
    for (const base of ["100ms", "10s"]) {
      const clock = new TestClock();
      const started = clock.time;
      clock.now = () => started;
      const fetch = scripted(json({}, 503), json({}));
      const client = createClient({ baseUrl: "https://a.example", retry: { base } }, { fetch, clock });
      const call = watched(client.get("/x"));
      await clock.pass(30_000);
      assert.equal(call.value?.status, 200, base);
    }
  });
});
