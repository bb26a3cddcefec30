// Shared by the tests of the interceptor: each major version of undici that this Node can load, and a server with an agent.

import { after, describe } from "node:test";
import { createInterceptor } from "unruffled/undici";
import { served } from "./served.js";

/** A policy with short waits. */
export const QUICK = { retry: { base: "1ms" } };

/** Runs `suite(undici, setup)` under each version. `setup(policy, answers, options, pool)` makes server, agent, dispatcher. */
export async function underEach(suite) {
  for (const name of ["undici", "undici-8"]) {
    // A newer undici does not load in this Node.
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

/** Waits turns of the event loop until the condition holds. */
export async function until(holds) {
  while (!holds()) await new Promise(setImmediate);
}
