// Measures with the Node that runs it; see ../added.mjs.

import { Core } from "../../.build/internal.js";
import { figureOfRounds } from "./figures.mjs";
import { column, quick } from "./nodes.mjs";
import { peers, policy, undicis } from "./peers.mjs";
import { BODY, startServer } from "./server.mjs";

const BATCH = 20;
const ROUNDS = quick ? 8 : 300;
const PAIRS = 50;
const LOOPBACK_ROUNDS = quick ? 3 : 40;

const stub = async () => new Response(BODY, { headers: { "content-type": "application/json" } });

/** Batches of every kind in turn, beginning with another one each round; what each adds to its rival's batch of the round. */
async function onStub() {
  const base = "https://api.example.com";
  const kinds = [...(await peers(base, stub)), ...(await undicis(base, BODY))];
  const rounds = kinds.map(() => []);
  const warm = Math.ceil(ROUNDS / 10);
  for (let round = -warm; round < ROUNDS; round++) {
    for (let turn = 0; turn < kinds.length; turn++) {
      const at = (turn + round + warm) % kinds.length;
      const { call, slow } = kinds[at];
      const batch = slow ? 2 : BATCH;
      // The processor's caches are still the last kind's.
      await call();
      const start = performance.now();
      for (let i = 0; i < batch; i++) await call();
      if (round >= 0) rounds[at].push(((performance.now() - start) * 1000) / batch);
    }
  }
  for (const [at, { row, over = "bare fetch" }] of kinds.entries()) {
    const rival = rounds[kinds.findIndex((kind) => kind.row === over)];
    const alone = row.startsWith("bare") && !row.includes("control");
    const added = alone ? rounds[at] : rounds[at].map((value, round) => value - rival[round]);
    print("stub transport", row, added, alone);
  }
}

/** Each call beside one of its rival, in both orders; the differences of each round. */
async function onLoopback() {
  const { base, stop } = await startServer();
  const kinds = [...(await peers(base, undefined)), ...(await undicis(base, null))];
  const rivals = kinds.map(({ over = "bare fetch" }) => kinds.find(({ row }) => row === over).call);
  const rounds = kinds.map(() => []);
  const warm = Math.ceil(LOOPBACK_ROUNDS / 10);
  for (let round = -warm; round < LOOPBACK_ROUNDS; round++) {
    const found = kinds.map(() => []);
    for (let i = 0; i < PAIRS; i++) {
      for (let turn = 0; turn < kinds.length; turn++) {
        const at = (turn + i) % kinds.length;
        const { call, row, slow } = kinds[at];
        if (slow && i % 13 !== 0) continue;
        const first = await timed(i % 2 === 0 ? rivals[at] : call);
        const second = await timed(i % 2 === 0 ? call : rivals[at]);
        const difference = i % 2 === 0 ? second - first : first - second;
        found[at].push(row.startsWith("bare") && !row.includes("control") ? first : difference);
      }
    }
    if (round >= 0) for (const [at, list] of found.entries()) rounds[at].push(list);
  }
  for (const [at, { row }] of kinds.entries()) {
    print("loopback HTTP", row, rounds[at], row.startsWith("bare") && !row.includes("control"));
  }
  stop();
}

async function timed(call) {
  const start = performance.now();
  await call();
  return (performance.now() - start) * 1000;
}

function print(place, row, rounds, alone) {
  figureOfRounds(`Node: added per successful call, ${place}`, alone ? `${row}, whole call` : row, column, rounds, "µs");
}

/** The core's two crossings of a call that succeeds at once. */
function crossings() {
  const core = Core.open(JSON.stringify(policy("https://api.example.com")), false);
  core.seed(1);
  const pairs = quick ? 20_000 : 200_000;
  const run = () => {
    const start = performance.now();
    for (let call = 0; call < pairs; call++) {
      core.begin(call, 0, 0, 0, 16, 0);
      core.respond(call, 0, 200);
    }
    return ((performance.now() - start) * 1e6) / pairs;
  };
  run();
  const rounds = Array.from({ length: 9 }, run);
  figureOfRounds("Node: the core's boundary", "unruffled begin + respond", column, rounds, "ns");
}

await onStub();
await onLoopback();
crossings();
process.exit();
