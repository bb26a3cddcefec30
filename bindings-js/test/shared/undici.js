// What the tests of the interceptor share: every major of undici that this Node can load, and a server with an agent.

import { after, describe } from "node:test";
import { createInterceptor } from "unruffled/undici";
import { served } from "./served.js";

/** Waits that a test does not notice. */
export const QUICK = { retry: { base: "1ms" } };

/** Runs `suite(undici, setup)` under each major; `setup(policy, answers, options, pool)` gives server, agent and dispatcher. */
export async function underEach(suite) {
  for (const name of ["undici", "undici-8"]) {
    // A major that is newer than this Node does not load.
    const undici = await import(name).catch(() => null);
    if (undici !== null) describe(name, () => suite(undici, setups(undici)));
  }
}

function setups({ Agent }) {
  const ends = [];
  after(() => Promise.all(ends.map((end) => end())));
  return async (policy, answers, options = {}, pool = {}) => {
    const server = await served(...answers);
    const interceptor = createInterceptor(policy, options);
    const agent = new Agent(pool);
    ends.push(async () => {
      server.close();
      await agent.destroy();
    });
    const { base, seen, connections } = server;
    return { server, base, seen, connections, interceptor, agent, dispatcher: agent.compose(interceptor) };
  };
}

/** Waits, turn by turn of the event loop, until something is so. */
export async function until(holds) {
  while (!holds()) await new Promise(setImmediate);
}
