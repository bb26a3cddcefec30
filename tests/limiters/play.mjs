// Plays a case: 16 callers in a closed loop, with the client or with a plain retry loop, and says what became of the calls.
import { createClient } from "../../bindings-js/dist/index.js";

const CALLERS = 16;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The client with the default policy, or with what a case adds to it. */
export function client(address, { policy = {} }) {
  const api = createClient({ ...policy, baseUrl: address });
  return {
    call: async () => {
      await api.get("/items").json();
    },
    end: () => api.close(),
  };
}

/** The loop that a programmer writes: four attempts; waits as long as `Retry-After` says, or else doubles, with chance added. */
export function plain(address) {
  const call = async () => {
    for (let tries = 0; ; tries += 1) {
      const response = await fetch(`${address}/items`);
      await response.arrayBuffer();
      if (response.ok) return;
      if (tries === 3) throw new Error(`status ${response.status}`);
      const asked = response.headers.get("retry-after");
      const seconds = Number(asked ?? Number.NaN);
      const wait = seconds >= 0 ? seconds * 1_000 : Math.max(200 * 2 ** tries, Date.parse(asked) - Date.now() || 0);
      await sleep(wait * (1 + Math.random()));
    }
  };
  return { call, end: () => {} };
}

/** Makes all calls, a caller's next when its last one ended. */
export async function play({ call, end }, calls) {
  const failures = [];
  let [next, longest] = [0, 0];
  const started = performance.now();
  const caller = async () => {
    while (next < calls) {
      next += 1;
      const begun = performance.now();
      await call().catch((error) => failures.push(error));
      longest = Math.max(longest, performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const took = performance.now() - started;
  end();
  return { calls, failures, longest, took };
}

/** Goodput, as tests/sim/README.md has it, and the share of answers that refused. */
export function figures({ rate }, { calls, failures, longest, took }, counts) {
  const refused = (counts[429] ?? 0) + (counts[503] ?? 0);
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const succeeded = calls - failures.length;
  const goodput = rate === null ? null : (succeeded / calls) * (calls / rate / (took / 1_000));
  return { calls, succeeded, goodput, refused, answers: all, refusedShare: refused / all, longest, took };
}

/** Says what does not hold, a sentence each. Bars are far from what is measured: a loaded machine must not miss them. */
export function wrong(
  { told, loses, least = told ? 0.5 : 0.4, most = told ? 0.1 : 0.2 },
  { calls, succeeded, goodput, refusedShare },
) {
  const wrong = [];
  if (succeeded < calls && !loses) wrong.push(`${calls - succeeded} of ${calls} calls failed`);
  if (goodput !== null && goodput < least) wrong.push(`goodput ${goodput.toFixed(2)}, at least ${least}`);
  if (refusedShare > most && !loses) wrong.push(`${(100 * refusedShare).toFixed(1)} % refused, at most ${100 * most}`);
  return wrong;
}
