// A fetch that plays the `server` of a scenario in memory and on a virtual clock: answers, phases, paths, tokens, buckets,
// pools, and the faults that a client can distinguish. It is less exact than the fault server; the torture needs no more.
// Each answer counts as a socket until its body has ended, failed or was cancelled.

const GOOD = { status: 200 };
const PIECE = 262_144;

/** Makes an error as Node's fetch throws it. */
export function networkError(code) {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });
}

/** Faults that occur before the headers; the others occur in the body. */
const BROKEN = {
  "reset-before": "ECONNRESET",
  "reset-after": "ECONNRESET",
  close: "UND_ERR_SOCKET",
  garbage: "HPE_INVALID_CONSTANT",
};

/** Returns the size of a piece: half of most bodies, a few bytes of one that dribbles. */
function pieceOf({ fault, piece = 1 }, size) {
  if (fault === "endless") return PIECE;
  return fault === "dribble" ? Math.max(piece, size >> 3) : Math.max(1, Math.min(PIECE, size >> 1));
}

/** A server in memory. */
export class Stub {
  /** Answers that have not ended. */
  sockets = new Set();
  #script;
  #clock;
  #later;
  #step;
  #lists = new Map();
  #began;
  #busy = 0;

  /**
   * @param script - the scenario's `server`
   * @param later - a timer: (ms, then)
   * @param step - called before each step of a call: (kind, call); its result ends the step
   */
  constructor(script, clock, later, step) {
    this.#script = script;
    this.#clock = clock;
    this.#later = later;
    this.#step = step;
    this.#began = clock.now();
  }

  fetch = (input, init) => {
    const url = new URL(typeof input === "string" ? input : input.url);
    const method = init?.method ?? "GET";
    const signal = init?.signal ?? null;
    const headers = new Headers(init?.headers);
    const call = Number(headers.get("x-call") ?? -1);
    const made = this.#step("send", call);
    if (made !== undefined) return made();
    const socket = { call, signal, end: () => this.sockets.delete(socket) };
    this.sockets.add(socket);
    return new Promise((resolve, reject) => {
      const stop = () => {
        socket.end();
        reject(signal.reason);
      };
      if (signal?.aborted) return stop();
      signal?.addEventListener("abort", stop, { once: true });
      const answer = this.#answer(this.#script, method, url, headers);
      const head = () => {
        if (!this.sockets.has(socket)) return;
        signal?.removeEventListener("abort", stop);
        this.#head(socket, answer, method, resolve, reject);
      };
      // A real answer never comes in the turn of its request.
      if (answer.fault !== "stall-headers" && answer.fault !== "silently") this.#later(answer.delay ?? 1, head);
    });
  };

  #head(socket, answer, method, resolve, reject) {
    const broken = answer.refuse ? "ECONNREFUSED" : BROKEN[answer.fault];
    if (broken !== undefined) {
      socket.end();
      return reject(networkError(broken));
    }
    const made = this.#step("headers", socket.call);
    if (made !== undefined) {
      socket.end();
      return resolve(made());
    }
    const { status = 200 } = answer;
    const empty = method === "HEAD" || status === 204 || status === 304;
    if (empty) socket.end();
    const body = empty ? null : this.#body(socket, answer);
    resolve(new Response(body, { status, headers: this.#lines(answer) }));
  }

  #lines(answer) {
    const headers = new Headers({ "content-type": "application/json" });
    for (const [name, value] of Object.entries(answer.headers ?? {})) {
      for (const each of [value].flat()) headers.append(name, this.#line(each));
    }
    return headers;
  }

  #line(value) {
    if (value.date !== undefined) return new Date(this.#clock.wall() + value.date).toUTCString();
    if (value.epoch !== undefined) return String((this.#clock.wall() + value.epoch) / (value.unit === "ms" ? 1 : 1000));
    return String(value);
  }

  /** Makes a body in pieces, each of them a step. */
  #body(socket, answer) {
    const text = answer.body ?? JSON.stringify(answer.json ?? {});
    const size = answer.bytes ?? text.length;
    const whole = answer.bytes === undefined ? new TextEncoder().encode(text) : null;
    const stops = { stall: answer.fault === "stall-body", cut: ["truncate", "cut-chunk"].includes(answer.fault) };
    const length = answer.fault === "endless" ? Infinity : stops.stall || stops.cut ? size >> 1 : size;
    const piece = pieceOf(answer, size);
    let sent = 0;
    const { signal } = socket;
    let fail;
    const stop = () => fail(signal.reason);
    const end = () => {
      signal?.removeEventListener("abort", stop);
      socket.end();
    };
    return new ReadableStream(
      {
        start: (controller) => {
          fail = (error) => {
            if (!this.sockets.has(socket)) return;
            end();
            controller.error(error);
          };
          if (signal?.aborted) stop();
          else signal?.addEventListener("abort", stop, { once: true });
        },
        pull: async (controller) => {
          const made = this.#step("read", socket.call);
          if (made !== undefined) {
            const error = await made();
            return fail(error);
          }
          if (answer.fault === "dribble") await new Promise((resolve) => this.#later(answer.every ?? 100, resolve));
          if (!this.sockets.has(socket)) return;
          const more = Math.min(piece, length - sent);
          if (more > 0) {
            controller.enqueue(
              whole === null || length === Infinity ? new Uint8Array(more) : whole.subarray(sent, sent + more),
            );
            sent += more;
          } else if (stops.stall) await new Promise(() => {});
          else if (stops.cut) fail(new TypeError("terminated"));
          else {
            end();
            controller.close();
          }
        },
        cancel: end,
      },
      { highWaterMark: 0 },
    );
  }

  /** Returns the answer of the script to this request. */
  #answer(node, method, url, headers) {
    const { refuse } = this.#script;
    const age = this.#clock.now() - this.#began;
    if (refuse === "silently") return { fault: "silently" };
    if (refuse === true || age < refuse) return { refuse: true };
    const path = this.#path(node, method, url.pathname);
    if (path !== undefined) return this.#answer(path, method, url, headers);
    const phase = this.#phase(node, age);
    if (phase !== undefined) return this.#answer(phase, method, url, headers);
    const bearer = headers.get("authorization")?.slice("Bearer ".length);
    if (node.tokens !== undefined && !node.tokens.includes(bearer)) return { status: 401 };
    return this.#refused(node) ?? this.#next(node, url);
  }

  #path(node, method, path) {
    const fits = ([pattern]) => {
      const [verb, rest] = pattern.includes(" ") ? pattern.split(" ") : [method, pattern];
      return verb === method && (rest.endsWith("*") ? path.startsWith(rest.slice(0, -1)) : path === rest);
    };
    return Object.entries(node.paths ?? {}).find(fits)?.[1];
  }

  #phase(node, age) {
    let from = 0;
    for (const phase of node.phases ?? []) {
      from += phase.for ?? Infinity;
      if (age < from) return phase;
    }
    return node.phases?.at(-1);
  }

  /** Returns the refusal of a bucket or a pool, if there is one. */
  #refused({ bucket, pool }) {
    if (bucket !== undefined) {
      const window = Math.floor(this.#clock.now() / bucket.per);
      const used = (this.#lists.get(window) ?? 0) + 1;
      this.#lists.set(window, used);
      const left = Math.max(0, bucket.rate - used);
      const headers = { "x-ratelimit-limit": bucket.rate, "x-ratelimit-remaining": left, "x-ratelimit-reset": 1 };
      return used > bucket.rate ? { status: 429, headers: { ...headers, "retry-after": 1 } } : { ...GOOD, headers };
    }
    if (pool === undefined) return undefined;
    const busy = this.#busy++;
    const delay = Math.ceil((busy + 1) / pool.workers) * pool.service;
    this.#later(delay, () => this.#busy--);
    return busy > pool.queue ? { status: 503, delay: pool.reject } : { ...GOOD, delay };
  }

  #next(node, url) {
    const place = node.per === undefined ? node : `${node.per} ${url.pathname}`;
    const list = (node.answers ?? []).flatMap((answer) => Array(answer.times ?? 1).fill(answer));
    const at = this.#lists.get(place) ?? 0;
    this.#lists.set(place, at + 1);
    return (node.cycle === true ? list[at % list.length] : list[at]) ?? node.then ?? GOOD;
  }
}
