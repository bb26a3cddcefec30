// Plays every scenario many times in memory and on a virtual clock. Each time it harms one step: the step fails, never ends,
// or the caller cancels or closes at that moment. The calls may end in any way, but each must end. Afterwards the engine
// has no call, queue place or permit, and the host no timer, listener or socket.

import { settled, TestClock } from "./clock.js";
import { Host } from "./scenarios.js";
import { networkError, Stub } from "./stub.js";

/** The most callers of one action: more would add points, but no new kinds. */
const CROWD = 12;
/** The number of worlds at a time, which share turns of the event loop. */
const WIDTH = 48;
const HOUR = 3_600_000;

/** Makes an error of the host's own code. */
const own = () => new RangeError("torture");
const never = () => new Promise(() => {});

/** Harmful results of a step of the host; each replaces the step's own end. */
const ENDS = {
  send: {
    lost: () => Promise.reject(networkError("ECONNRESET")),
    unsent: () => Promise.reject(networkError("ECONNREFUSED")),
    fails: () => Promise.reject(own()),
    throws: () => {
      throw own();
    },
    "throws nothing": () => Promise.reject(undefined),
    hangs: (world, call) => world.hang(call),
  },
  headers: { "no response": () => undefined },
  read: { breaks: () => new TypeError("terminated"), "breaks with nothing": () => undefined, hangs: never },
  credentials: {
    throws: () => {
      throw own();
    },
    rejects: () => Promise.reject(own()),
    "no string": () => 42,
    hangs: never,
  },
  correlation: {
    throws: () => {
      throw own();
    },
  },
  listener: {
    throws: () => {
      throw own();
    },
  },
};

/** Actions at any step, which then goes on as before. */
const MOMENTS = {
  cancel: (world, call) => world.cancel(call),
  "cancel soon": (world, call, at) => after(1 + (at % 8), () => world.cancel(call)),
  "cancel in the next turn": (world, call) => void settled(1).then(() => world.cancel(call)),
  close: (world) => world.close(),
  "close soon": (world, _, at) => after(1 + (at % 8), () => world.close()),
};

/** Harm to a wait. */
const WAITS = {
  "timer early": (world) => world.bend((ms) => ms / 2),
  "timer late": (world) => world.bend((ms) => ms + HOUR),
};

/** Steps of the host that cross the boundary, in which the engine may trap. */
const TRAPS = { trap: (world) => world.trap() };

async function after(microtasks, then) {
  for (let i = 0; i < microtasks; i++) await undefined;
  then();
}

/** Returns the actions for a kind of step. */
function actionsOf(kind) {
  if (kind === "trap") return TRAPS;
  if (kind === "wait" || kind === "park") return { ...MOMENTS, ...WAITS };
  return { ...MOMENTS, ...ENDS[kind] };
}

/**
 * Plays all of `scenarios`. Returns how many points of each kind passed, and the failures of the others.
 *
 * @param unruffled - the package with its inner parts
 * @param only - name of the one scenario to play, or undefined
 * @param samples - how many steps of one kind are tortured in one scenario, spread from the first to the last
 */
export async function torture(unruffled, scenarios, only, samples = 2) {
  const patched = patch(unruffled.Core, unruffled.word);
  const unhandled = listenForUnhandled();
  const failures = [];
  const kinds = new Map();
  const points = [];
  for (const scenario of scenarios.filter(({ name }) => only === undefined || name === only)) {
    const small = { ...scenario, do: scenario.do.map((action) => ({ ...action, together: crowd(action.together) })) };
    const world = new World(unruffled, patched, small, null);
    const wrong = await world.torture();
    if (wrong.length > 0) failures.push(`${scenario.name}, undisturbed: ${wrong.join("; ")}`);
    points.push(...pointsOf(small, world.steps, samples));
  }
  await each(WIDTH, points, async (point) => {
    const world = new World(unruffled, patched, point.scenario, point);
    const wrong = await world.torture();
    const known = kinds.get(point.kind) ?? { passed: 0, actions: new Set() };
    kinds.set(point.kind, known);
    if (wrong.length > 0) {
      failures.push(`${point.scenario.name}, ${point.kind} ${point.at}, ${point.action}: ${wrong.join("; ")}`);
    } else if (world.hit) {
      known.passed++;
      known.actions.add(point.action);
    }
  });
  patched.undo();
  failures.push(...unhandled());
  const table = [...kinds].map(([kind, { passed, actions }]) => ({ kind, passed, actions: [...actions] }));
  return { passed: table.reduce((sum, { passed }) => sum + passed, 0), table, failures };
}

const crowd = (together) => (together === undefined ? undefined : Math.min(together, CROWD));

/** Chooses the first, the last and some other steps of each kind, with all actions for them. */
function pointsOf(scenario, steps, samples) {
  const points = [];
  for (const [kind, count] of steps) {
    const picked = new Set(Array.from({ length: samples }, (_, i) => Math.round((i * (count - 1)) / (samples - 1))));
    for (const at of picked) {
      for (const action of Object.keys(actionsOf(kind))) points.push({ scenario, kind, at, action });
    }
  }
  return points;
}

/** Runs `work` for all of `list`, at most `width` at a time. */
async function each(width, list, work) {
  let next = 0;
  const worker = async () => {
    while (next < list.length) await work(list[next++]);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** A client with its server, callers and clock. */
class World {
  /** The number of steps of each kind. */
  steps = new Map();
  hit = false;
  #clock = new TestClock();
  #point;
  #scenario;
  #patched;
  #host;
  #stub;
  #callers = [];
  #bent = null;
  #last = 0;
  #trapped = false;
  #closed = false;

  constructor(unruffled, patched, scenario, point) {
    this.#point = point;
    this.#scenario = scenario;
    this.#patched = patched;
    const later = (ms, then) => this.#clock.timer(ms, then, true);
    this.#stub = new Stub(scenario.server, this.#clock, later, (kind, call) => this.step(kind, call));
    const place = {
      now: () => this.#clock.now(),
      wall: () => this.#clock.wall(),
      later,
      options: (options, dropin) => this.#options(options, dropin),
      caller: (call) => this.#caller(call),
    };
    patched.creating(this, () => {
      this.#host = new Host(unruffled, scenario, "https://api.example.com", place);
    });
  }

  /** Plays the scenario to its end and checks what is left. */
  async torture() {
    const state = { over: false, results: [] };
    const play = async () => {
      for (const action of this.#scenario.do) state.results.push(await this.#host.play(action));
    };
    play().then(
      () => Object.assign(state, { over: true }),
      (error) => Object.assign(state, { over: true, error }),
    );
    const wrong = [];
    if (!(await this.#runs(() => state.over))) {
      // A drop-in without time limits in its policy waits as long as fetch does; the caller ends it.
      if (!this.#host.dropin) wrong.push("hangs");
      for (const call of this.#callers.keys()) this.cancel(call);
      if (!(await this.#runs(() => state.over))) wrong.push("hangs after it was cancelled");
    }
    if (state.error !== undefined) wrong.push(`the runner failed: ${state.error.stack}`);
    wrong.push(...this.#left());
    // The quiet timer of the time limits may still be set, and must end by itself.
    await this.#runs(() => this.#clock.pending.length === 0);
    if (this.#clock.pending.length > 0) wrong.push(`${this.#clock.pending.length} timers for ever`);
    this.#host.client.close();
    await settled(1);
    return [...wrong, ...this.#left()].filter((text, at, all) => all.indexOf(text) === at);
  }

  /** Runs until `over`. Returns false if no timer is left before that. */
  async #runs(over) {
    for (let turn = 0; turn < 20_000; turn++) {
      await settled(2);
      if (over()) return true;
      const timer = this.#clock.next();
      if (timer === undefined) return false;
      this.#clock.fire(timer);
    }
    return false;
  }

  #left() {
    const wrong = [];
    const say = (count, what) => {
      if (count !== 0) wrong.push(`${count} ${what} left`);
    };
    if (!this.#trapped) {
      const { inFlight, live, waiting, upstreams } = this.#host.client.snapshot();
      say(inFlight, "permits");
      say(live, "calls");
      say(waiting + upstreams.reduce((sum, upstream) => sum + upstream.waiting, 0), "places in queues");
    }
    say(this.#clock.pending.filter(({ quiet }) => !quiet).length, "timers");
    say(this.#stub.sockets.size, "sockets");
    say(
      this.#callers.reduce((sum, { listeners }) => sum + listeners, 0),
      "listeners",
    );
    return wrong;
  }

  /** Handles the start of a step. A result, if there is one, ends the step. */
  step(kind, call) {
    const at = this.steps.get(kind) ?? 0;
    this.steps.set(kind, at + 1);
    const point = this.#point;
    if (point === null || point.kind !== kind || point.at !== at || this.hit) return undefined;
    this.hit = true;
    const whose = call < 0 || call === undefined ? this.#last : call;
    const end = ENDS[kind]?.[point.action];
    if (end !== undefined) return () => end(this, whose);
    actionsOf(kind)[point.action](this, whose, at);
    return undefined;
  }

  /** Handles a step word of the engine. */
  answered(call, kind) {
    this.#last = call;
    this.step(kind, call);
  }

  cancel(call) {
    const caller = this.#callers[call] ?? this.#callers.at(-1);
    caller?.controller.abort(caller.reason);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.client.close();
  }

  bend(how) {
    this.#bent = how;
  }

  trap() {
    this.#trapped = true;
    this.#patched.arm();
  }

  /** Makes a request that only its signal ends. */
  hang(call) {
    const signal = this.#callers[call]?.sent;
    return new Promise((_, reject) => {
      if (signal?.aborted) reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  #options(options, dropin = false) {
    const clock = {
      now: () => this.#clock.now(),
      wall: () => this.#clock.wall(),
      timer: (ms, then, quiet) => {
        const bent = quiet || this.#bent === null ? ms : this.#bent(ms);
        if (!quiet) this.#bent = null;
        return this.#clock.timer(bent, then, quiet);
      },
    };
    const fetch = (input, init) => {
      const call = Number(new Headers(init?.headers).get("x-call") ?? -1);
      if (this.#callers[call] !== undefined) this.#callers[call].sent = init?.signal;
      return this.#stub.fetch(input, init);
    };
    const line = () => this.step("listener")?.();
    const log = { debug: line, info: line, warn: line };
    const { credentials, correlationId } = options;
    const same = () => "same";
    const hooks = dropin ? {} : { correlationId: () => (this.step("correlation") ?? correlationId ?? same)() };
    if (credentials !== undefined) hooks.credentials = () => (this.step("credentials") ?? credentials)();
    return { ...options, ...hooks, fetch, clock, log };
  }

  #caller(call) {
    const controller = new AbortController();
    const caller = { controller, reason: new Error("the caller's own reason"), always: true, listeners: 0, sent: null };
    const { signal } = controller;
    const { addEventListener, removeEventListener } = signal;
    const known = new Set();
    const count = () => {
      caller.listeners = signal.aborted ? 0 : known.size;
    };
    signal.addEventListener = (kind, listener, how) => {
      known.add(listener);
      count();
      addEventListener.call(signal, kind, listener, how);
    };
    signal.removeEventListener = (kind, listener) => {
      known.delete(listener);
      count();
      removeEventListener.call(signal, kind, listener);
    };
    addEventListener.call(signal, "abort", count);
    call.headers = { ...call.headers, "x-call": String(this.#callers.length) };
    this.#callers.push(caller);
    return caller;
  }
}

/** Observes the boundary: one seed for all worlds, each answer a step, and a trap where the point wants one. */
function patch(Core, word) {
  const worlds = new WeakMap();
  const KINDS = ["go", "wait", "park", "refresh", "deliver", "fail", "misuse", "done"];
  let world = null;
  let armed = false;
  const undo = [];
  const replace = (target, name, make) => {
    const original = target[name];
    target[name] = make(original);
    undo.push(() => {
      target[name] = original;
    });
  };
  replace(Core, "open", (open) => (policy, lenient) => {
    const core = open.call(Core, policy, lenient);
    if (world !== null) worlds.set(core, world);
    return core;
  });
  replace(Core.prototype, "seed", (seed) => {
    return function () {
      seed.call(this, 1);
    };
  });
  for (const name of ["begin", "respond", "respondWith", "fault", "resume", "abandon", "token", "tokenFailed"]) {
    replace(Core.prototype, name, (method) => {
      return function (call, ...more) {
        const mine = worlds.get(this);
        mine?.step("trap", call);
        const answer = method.call(this, call, ...more);
        armed = false;
        mine?.answered(name.startsWith("token") ? undefined : call, KINDS[answer & 15] ?? word.text(answer));
        return answer;
      };
    });
  }
  trapdoor(() => armed && !(armed = false));
  return {
    creating: (which, make) => {
      world = which;
      make();
      world = null;
    },
    arm: () => {
      armed = true;
    },
    undo: () => {
      for (const each of undo) each();
    },
  };
}

/** The inputs of a call, as the module exports them. */
const INPUTS = ["begin", "respond", "respond_with", "fault", "resume", "abandon", "token", "token_failed"];

let open = null;

/** Makes the engine's module trap when `fires` returns true. Must be called before the engine is loaded. */
export function trapdoor(fires) {
  if (open !== null) {
    open.fires = fires;
    return;
  }
  open = { fires };
  const trapping =
    (inner) =>
    (...args) => {
      if (open.fires()) throw new WebAssembly.RuntimeError("unreachable");
      return inner(...args);
    };
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
    construct(Instance, given) {
      const entries = Object.entries(new Instance(...given).exports);
      const inputs = entries.map(([name, inner]) => [
        name,
        INPUTS.includes(name.replace(/^engine_/, "")) ? trapping(inner) : inner,
      ]);
      return { exports: Object.fromEntries(inputs) };
    },
  });
}

/** Collects unhandled rejections until the returned function is called. Errors of listeners are not reported meanwhile. */
function listenForUnhandled() {
  const seen = [];
  const note = (reason) => seen.push(`nobody handled: ${reason?.stack ?? reason}`);
  const { process, reportError } = globalThis;
  globalThis.reportError = () => {};
  if (process?.on !== undefined) process.on("unhandledRejection", note);
  else globalThis.addEventListener("unhandledrejection", (event) => note(event.reason));
  return () => {
    globalThis.reportError = reportError;
    process?.off?.("unhandledRejection", note);
    return [...new Set(seen)];
  };
}

/** Makes the lines that a runner prints of a result. */
export function told({ passed, table, failures }, runtime) {
  const width = Math.max(...table.map(({ kind }) => kind.length));
  const rows = table.map(({ kind, passed, actions }) => {
    return `  ${kind.padEnd(width)} ${String(passed).padStart(6)}  ${actions.join(", ")}`;
  });
  return [...failures, `torture: ${passed} points passed (${runtime})`, ...rows];
}
