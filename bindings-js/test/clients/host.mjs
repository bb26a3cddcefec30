// Plays the actions of one scenario with one client, and returns the results.

import { each, numbered, pause } from "../shared/scenarios.js";

/** One client and the actions on it. */
export class Host {
  refreshed = 0;

  constructor(unruffled, client, mode, scenario, base) {
    const { credentials = [], policy = {}, buffer = false } = scenario;
    this.credentials = credentials;
    this.made = client.make({
      base,
      mode,
      policy: { ...policy, baseUrl: base },
      buffer,
      attempt: mode === "bare" ? milliseconds(policy.timeouts?.attempt) : undefined,
      token: () => this.token,
      refresh: () => this.refresh(),
      unruffled,
    });
  }

  get token() {
    return this.credentials[this.refreshed];
  }

  refresh() {
    this.refreshed = Math.min(this.refreshed + 1, this.credentials.length - 1);
    return this.token;
  }

  async play(action) {
    const began = performance.now();
    if (action.pause !== undefined) return pause(action.pause, {});
    if (action.close === true) return this.made.close?.(), {};
    if (action.together === undefined) return this.call(action, 0, began);
    const calls = new Array(action.together);
    await each(action.width ?? Infinity, [...calls.keys()], async (i) => {
      if (action.every !== undefined) await pause(Math.max(0, i * action.every - (performance.now() - began)));
      calls[i] = await this.call(action, i, began);
    });
    return { calls };
  }

  async call(action, i, began) {
    const asked = numbered(action, i);
    const controller = new AbortController();
    const reason = new Error("the caller's own reason");
    const start = performance.now();
    const since = () => Math.round((performance.now() - start) * 1000) / 1000;
    const kind = asked.stream === true ? "stream" : asked.call.startsWith("GET") ? "read" : "write";
    const times = { start: start - began };
    if (this.made[kind] === undefined) return { ...times, ms: 0, error: "absent" };
    if (asked.cancelAfter !== undefined && this.made.deaf === true) return { ...times, ms: 0, error: "absent" };
    if (asked.cancelAfter !== undefined) setTimeout(() => controller.abort(reason), asked.cancelAfter);
    const signal = asked.cancelAfter === undefined ? undefined : controller.signal;
    const call = { op: String(asked.json?.op ?? `op-${i}`), i, signal, reason };
    const token = this.token;
    let result = await this.once(kind, call, since);
    // What users write for a client without a hook: catch the 401, log in again, call again.
    if (result.status === 401 && this.credentials.length > 1) {
      if (this.token === token) this.refresh();
      result = await this.once(kind, call, since);
    }
    return { ...times, ms: since(), ...result };
  }

  async once(kind, call, since) {
    try {
      const value = await this.made[kind](call);
      if (typeof value?.status === "number" && value.status >= 400) return { status: value.status };
      if (kind === "stream") return await this.drain(value, call, since);
      return value ? { status: 200 } : { error: "wrong", name: typeof value, text: String(value) };
    } catch (error) {
      return this.failure(error, call);
    }
  }

  async drain(pieces, call, since) {
    const ms = since();
    let bytes = 0;
    try {
      for await (const piece of pieces) bytes += piece.byteLength ?? JSON.stringify(piece)?.length ?? 0;
      return { ms, status: 200, bytes, readMs: since() };
    } catch (error) {
      return { ms, status: 200, bytes, broke: since(), ...this.failure(error, call), error: undefined };
    }
  }

  failure(error, call) {
    const told = {
      name: error?.name,
      text: `${error?.message}\n${error?.cause?.message ?? error?.detail?.cause?.message ?? ""}`,
    };
    return { ...told, ...this.made.judge(error, call) };
  }
}

/** Reads a duration of a policy, in ms. */
function milliseconds(written) {
  if (written === undefined || typeof written === "number") return written;
  const [, count, unit] = /^([\d.]+)(ms|s|m|h)$/.exec(written);
  return Number(count) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit];
}
