// Plays the shared scenarios by the package's public API, in Node and in a page. It sends the results to the fault server,
// which checks them.

const LIMIT = 30_000;
const WIDTH = 4;

/**
 * Plays all scenarios for `runtime`. Returns how many passed, and the failures of the others.
 *
 * @param unruffled - the package
 * @param address - of the fault server
 * @param only - name of the one to play, or undefined
 */
export async function playScenarios(unruffled, address, runtime, only) {
  const listed = await ask(`${address}/_faults/scenarios?runtime=${runtime}`);
  const chosen = listed.filter((scenario) => only === undefined || scenario.name === only);
  const failures = [];
  let passed = 0;
  const runs = chosen.map((scenario) => `${runtime}-${scenario.name}`.replaceAll(/[^A-Za-z0-9._-]/g, "-"));
  const one = async (scenario) => {
    const run = runs[chosen.indexOf(scenario)];
    const found = await playOne(unruffled, address, runtime, scenario, run).catch((error) => [
      String(error?.stack ?? error),
    ]);
    if (found.length === 0) passed++;
    else failures.push(`${scenario.name}: ${found.join("; ")}`);
  };
  await each(
    WIDTH,
    chosen.filter((scenario) => scenario.alone !== true),
    one,
  );
  await each(
    1,
    chosen.filter((scenario) => scenario.alone === true),
    one,
  );
  // At the end, because this closes idle connections, which scenarios share.
  for (const run of runs) await ask(`${address}/_faults/runs/${run}`, "DELETE").catch(() => {});
  return { passed, failures };
}

async function playOne(unruffled, address, runtime, scenario, run) {
  const { base } = await ask(`${address}/_faults/runs/${run}`, "PUT", scenario.server);
  const host = new Host(unruffled, scenario, base);
  const results = [];
  const played = (async () => {
    for (const action of scenario.do) results.push(await host.play(action));
    return true;
  })();
  const done = await Promise.race([played, pause(LIMIT)]);
  host.client.close();
  if (done !== true) return [`not over after ${LIMIT} ms; ${results.length} of ${scenario.do.length} actions were`];
  const body = { scenario, results, credentialCalls: host.credentialCalls };
  return (await ask(`${address}/_faults/runs/${run}/check?runtime=${runtime}`, "POST", body)).failures;
}

/** The surroundings of a scenario: time, the options of the client beside its policy, and cancellation. */
export const REAL = {
  now: () => performance.now(),
  wall: () => Date.now(),
  later: (ms, then) => setTimeout(then, ms),
  options: (given) => given,
  /** Makes the caller of one call: how it cancels, and whether it passes a signal that it never aborts. */
  caller: () => ({ controller: new AbortController(), reason: new Error("the caller's own reason"), always: false }),
};

/** One client and the actions on it. */
export class Host {
  credentialCalls = 0;

  constructor(unruffled, scenario, base, place = REAL) {
    this.unruffled = unruffled;
    this.base = base;
    this.place = place;
    const policy = { ...scenario.policy, baseUrl: base };
    this.dropin = scenario.client === "dropin";
    const options = {};
    if (this.dropin) {
      this.client = unruffled.createFetch(policy, place.options(options, true));
      return;
    }
    if (scenario.credentials !== undefined) options.credentials = () => this.credential(scenario.credentials);
    if (scenario.correlation !== undefined) options.correlationId = () => scenario.correlation;
    this.client = unruffled.createClient(policy, place.options(options));
  }

  pause(ms, value) {
    return new Promise((resolve) => this.place.later(ms, () => resolve(value)));
  }

  async credential(list) {
    const item = list[Math.min(this.credentialCalls++, list.length - 1)];
    if (typeof item === "string") return item;
    if (item.delay !== undefined) await this.pause(item.delay);
    if (item.fail === true) throw new Error("no credential");
    return {
      token: item.token,
      expiresAt: item.expiresIn === undefined ? undefined : this.place.wall() + item.expiresIn,
    };
  }

  async play(action) {
    const began = this.place.now();
    if (action.pause !== undefined) return this.pause(action.pause, {});
    if (action.close === true) return this.client.close(), {};
    if (action.together === undefined) return this.call(action, 0, began);
    const calls = new Array(action.together);
    const places = [...calls.keys()];
    await each(action.width ?? Infinity, places, async (i) => {
      if (action.every !== undefined) await this.pause(Math.max(0, i * action.every - (this.place.now() - began)));
      calls[i] = await this.call(action, i, began);
    });
    return { calls };
  }

  async call(action, i, began) {
    const call = numbered(action, i);
    const { controller, reason, always } = this.place.caller(call);
    if (call.cancelAfter !== undefined) this.place.later(call.cancelAfter, () => controller.abort(reason));
    if (call.closeAfter !== undefined) this.place.later(call.closeAfter, () => this.client.close());
    const signal = call.cancelAfter === undefined && !always ? undefined : controller.signal;
    const start = this.place.now();
    const since = () => Math.round((this.place.now() - start) * 1000) / 1000;
    const times = { start: start - began };
    try {
      const answered = call.stream === true ? this.stream(call, signal, since) : this.whole(call, signal);
      const result = await answered;
      return { ...times, ms: since(), ...result };
    } catch (error) {
      return { ...times, ms: since(), ...this.failure(error, reason) };
    }
  }

  async whole(call, signal) {
    const as = call.as ?? "json";
    if (!this.dropin) {
      const [method, path] = call.call.split(" ");
      const promise = this.client[method.toLowerCase()](path, options(call, signal));
      const [value, response] = await Promise.all([promise[as](), promise]);
      return { status: response.status, [as]: shown(as, value) };
    }
    const response = await this.fetch(call, signal);
    if (as === "bytes") return { status: response.status, bytes: (await response.arrayBuffer()).byteLength };
    const text = await response.text();
    return { status: response.status, [as]: as === "text" ? text : text === "" ? null : JSON.parse(text) };
  }

  async stream(call, signal, since) {
    const [method, path] = call.call.split(" ");
    const response = await (this.dropin
      ? this.fetch(call, signal)
      : this.client.stream(method, path, options(call, signal)));
    const result = { ms: since(), status: response.status };
    let bytes = 0;
    try {
      const reader = response.body?.getReader();
      for (let piece = await reader?.read(); piece?.done === false; piece = await reader.read())
        bytes += piece.value.length;
      return { ...result, bytes, readMs: since() };
    } catch {
      return { ...result, bytes, broke: since() };
    }
  }

  fetch(call, signal) {
    const [method, path] = call.call.split(" ");
    const url = this.base + filled(path, call.path ?? {}) + queryOf(call.query ?? {});
    const headers = new Headers(call.headers);
    if (call.key !== undefined) headers.set("Idempotency-Key", call.key === true ? crypto.randomUUID() : call.key);
    if (call.json !== undefined) headers.set("Content-Type", "application/json");
    const body = call.json === undefined ? bodyOf(call) : JSON.stringify(call.json);
    return this.client(url, { method, headers, body, signal });
  }

  failure(error, reason) {
    const { CallError, StatusError, explain } = this.unruffled;
    const told = {
      name: error?.name,
      text: `${error?.message}\n${error?.cause?.message ?? ""}\n${explain(error ?? {})}`,
    };
    if (error === reason) return { error: "cancelled", ...told };
    if (error instanceof SyntaxError) return { error: "parse", ...told };
    if (!(error instanceof CallError)) return { error: "native", family: familyOf(error), ...told };
    const kind = error.reason === "misuse" ? "misuse" : error instanceof StatusError ? "status" : "call";
    const { outcome, attempts, status = null, retryAfterMs = null } = error;
    return { error: kind, ...told, reason: error.reason, outcome, attempts, status, retryAfterMs };
  }
}

/** Returns which of the platform's own errors it is. */
function familyOf(error) {
  if (error?.name === "TimeoutError") return "timeout";
  return error instanceof TypeError ? "connection" : "other";
}

function options(call, signal) {
  const { path, query, json, headers, key, deadline, raise } = call;
  return { path, query, json, headers, idempotencyKey: key, deadline, raise, body: bodyOf(call), signal };
}

function bodyOf(call) {
  return call.upload === undefined ? call.body : "x".repeat(call.upload);
}

function shown(as, value) {
  return as === "bytes" ? value.byteLength : (value ?? null);
}

function filled(path, values) {
  return path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
}

function queryOf(query) {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((each) => [name, each]));
  const known = pairs.filter(([, value]) => value !== null);
  const text = known.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
  return text === "" ? "" : `?${text}`;
}

/** Replaces `$i` in the strings of a call by its number. */
export function numbered(action, i) {
  const inside = (value) => {
    if (typeof value === "string") return value.replaceAll("$i", String(i));
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(inside);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inside(each)]));
  };
  const keys = ["path", "query", "json", "body", "headers", "key"].filter((key) => action[key] !== undefined);
  return { ...action, ...Object.fromEntries(keys.map((key) => [key, inside(action[key])])) };
}

/** Runs `work` for all of `list`, at most `width` at a time. */
export async function each(width, list, work) {
  let next = 0;
  const worker = async () => {
    while (next < list.length) await work(list[next++]);
  };
  await Promise.all(Array.from({ length: Math.min(width, list.length) }, worker));
}

export function pause(ms, value) {
  return new Promise((resolve) => setTimeout(resolve, ms, value));
}

/** Sends a control request, again if its connection was broken by a run. */
export async function ask(url, method = "GET", body = undefined, tries = 5) {
  let response;
  try {
    response = await fetch(url, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (tries > 1) return ask(url, method, body, tries - 1);
    throw error;
  }
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}
