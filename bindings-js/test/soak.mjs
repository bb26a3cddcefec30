// Runs a client and a drop-in for a long time against the fault server:
// `node --expose-gc test/soak.mjs [--seconds N] [--rate R]`. Three answers of ten are faults. Calls are read whole,
// streamed, posted with a key, cancelled, and sometimes dropped unread. It prints one JSON line. It fails if memory grew by
// more than 5 % after warm-up, if resources are left after the clients were closed, or if too few calls succeeded.

import { readdirSync } from "node:fs";
import { createClient, createFetch } from "unruffled";
import { startFaults } from "./shared/faults.js";

const told = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const SECONDS = told("--seconds", 60);
const RATE = told("--rate", 550);
/** The seconds after which caches and V8's own spaces have filled. */
const WARM = Math.min(SECONDS / 2, Math.max(60, SECONDS / 5));
const GROWTH = 1.05;
const TICK = 10;

/** A policy under which calls go on: three faults of ten would empty the budget and open the breaker. */
const POLICY = {
  retry: { base: "10ms", cap: "500ms", budget: { capacity: 1000, perCall: 1 } },
  breaker: { failureRate: 0.9, run: 500 },
  timeouts: { attempt: "1s", idle: "1s", total: "5s" },
  idempotency: { header: "Idempotency-Key" },
  concurrency: 200,
};

/** Faults, and their number in a thousand answers. */
const FAULTS = [
  [120, { status: 503 }],
  [20, { status: 500, bytes: 100_000 }],
  [20, { status: 404 }],
  [30, { fault: "reset-before" }],
  [30, { fault: "reset-after" }],
  [20, { fault: "close" }],
  [20, { fault: "truncate", bytes: 1000 }],
  [10, { fault: "cut-chunk", bytes: 1000 }],
  [10, { fault: "close-after" }],
  [5, { fault: "garbage" }],
  [5, { fault: "informational" }],
  [5, { delay: 300 }],
  [3, { fault: "stall-body", bytes: 1000 }],
  [2, { fault: "stall-headers" }],
];

let state = 1;

/** Makes a generator of random numbers, equal in every run. */
function draw(below) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

/** Makes a thousand answers in random order, which the server repeats. */
function script() {
  const answers = FAULTS.flatMap(([count, answer]) => Array(count).fill(answer));
  while (answers.length < 1000) answers.push({ json: { id: 1 } });
  for (let at = answers.length - 1; at > 0; at--) {
    const other = draw(at + 1);
    [answers[at], answers[other]] = [answers[other], answers[at]];
  }
  return { answers, cycle: true, log: false };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Measures the memory that stays after garbage collection: the least of a few samples. */
async function resident() {
  let least = Infinity;
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    await pause(20);
    least = Math.min(least, process.memoryUsage.rss());
  }
  return least;
}

/** Makes a signal that lives as long as the program, and counts its listeners. */
function counted() {
  const { signal } = new AbortController();
  const known = { signal, listeners: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given) => {
    known.listeners++;
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given) => {
    known.listeners--;
    removeEventListener.apply(signal, given);
  };
  return known;
}

/** Makes one call; its number chooses the kind. */
async function call(number, { client, dropin, base, life }) {
  const { signal } = life;
  const id = number % 100;
  if (number % 50 === 11) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), draw(30));
    return client.get("/g/{id}", { path: { id }, signal: controller.signal }).json();
  }
  if (number % 20 === 7) {
    const response = await client.stream("GET", "/s/{id}", { path: { id }, signal });
    // Some callers read the headers only, and drop the body with the response.
    if (number % 100 !== 7) for await (const _ of response.body ?? []);
    else await response.body?.cancel();
    return response;
  }
  if (number % 10 === 3) return client.post("/p", { json: { number } }).json();
  if (number % 4 === 0) return (await dropin(`${base}/d/${id}`, { signal })).text();
  return client.get("/g/{id}", { path: { id }, signal }).json();
}

/** Starts calls at the rate until `end`. Returns the results, and the memory after warm-up. */
async function load(place, end) {
  const ends = { answered: 0, failed: 0, reasons: {} };
  const fail = (error) => {
    const why = error?.reason ?? error?.cause?.code ?? error?.name ?? "other";
    ends.failed++;
    ends.reasons[why] = (ends.reasons[why] ?? 0) + 1;
  };
  const open = new Set();
  const start = performance.now();
  let warm = 0;
  for (let number = 0; performance.now() < end; ) {
    const due = ((performance.now() - start) * RATE) / 1000;
    for (; number < due; number++) {
      const running = call(number, place).then(() => ends.answered++, fail);
      open.add(running);
      running.then(() => open.delete(running));
    }
    if (warm === 0 && performance.now() - start > WARM * 1000) warm = await resident();
    await pause(TICK);
  }
  await Promise.all(open);
  return { ...ends, warm, seconds: (performance.now() - start) / 1000 };
}

/** Lists the resources that the program holds beside its standard streams. */
function held() {
  const resources = process.getActiveResourcesInfo();
  const of = (name) => resources.filter((each) => each === name).length;
  return { timers: of("Timeout"), sockets: of("TCPSocketWrap"), files: files() };
}

function files() {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

const server = await startFaults();
const before = held();
const run = `${server.address}/_faults/runs/soak`;
const { base } = await (await fetch(run, { method: "PUT", body: JSON.stringify(script()) })).json();
const life = counted();
let token = 0;
const credentials = () => ({ token: `t${++token}`, expiresAt: Date.now() + 2000 });
const client = createClient({ ...POLICY, baseUrl: base }, { credentials });
const dropin = createFetch(POLICY);
const ended = await load({ client, dropin, base, life }, performance.now() + SECONDS * 1000);
const rssEnd = await resident();
const standing = [client.snapshot(), dropin.snapshot()];
client.close();
dropin.close();
await globalThis[Symbol.for("undici.globalDispatcher.1")]?.close();
// The timer of a time limit stays until it fires, also after its call has ended.
await pause(6000);
const after = held();
const sum = (name) => standing.reduce((total, snapshot) => total + snapshot[name], 0);
const left = {
  timers: after.timers - before.timers,
  sockets: after.sockets - before.sockets,
  files: after.files - before.files,
  listeners: life.listeners,
  calls: sum("live"),
  permits: sum("inFlight"),
  places: sum("waiting"),
};
server.stop();
const calls = ended.answered + ended.failed;
const perSecond = Math.round((calls / ended.seconds) * 10) / 10;
const { warm, answered, failed, reasons } = ended;
const line = {
  runtime: "node",
  seconds: SECONDS,
  calls,
  perSecond,
  rssWarm: warm,
  rssEnd,
  answered,
  failed,
  reasons,
  left,
};
console.log(JSON.stringify(line));
const clean = Object.values(left).every((count) => count <= 0);
process.exit(rssEnd <= warm * GROWTH && clean && answered > calls / 2 ? 0 : 1);
