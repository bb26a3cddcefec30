// fetch itself: `createFetch` in place of the platform's own, which makes no retries.

export const name = "fetch";
export const packages = [];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, attempt, token, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : globalThis.fetch;
  const send = (path, { signal, ...init }) => {
    const limit = attempt === undefined ? [] : [AbortSignal.timeout(attempt)];
    const signals = signal === undefined ? limit : [signal, ...limit];
    const either = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    const headers = { ...init.headers, ...(token() === undefined ? {} : { authorization: `Bearer ${token()}` }) };
    return fetch(base + path, { ...init, headers, signal: either ?? null });
  };
  const json = async (response) => (response.ok ? (await response.json()).id : { status: response.status });
  return {
    read: async ({ signal }) => json(await send("/thing", { signal })),
    write: async ({ op, signal }) => {
      const headers = { "content-type": "application/json" };
      return json(await send("/thing", { method: "POST", headers, body: JSON.stringify({ op }), signal }));
    },
    async stream({ signal }) {
      const response = await send("/thing", { signal });
      return response.ok ? response.body : { status: response.status };
    },
    judge: byFetch,
    close: () => fetch.close?.(),
  };
}

/** Judges an error of fetch: the caller's own reason, an error named TimeoutError, or a TypeError of the network. */
export function byFetch(error, { reason, signal }) {
  // Some clients abort with an AbortError of their own.
  if (error === reason || (error?.name === "AbortError" && signal?.aborted)) return { error: "cancelled" };
  if (error?.name === "TimeoutError") return { error: "native", family: "timeout" };
  return { error: "native", family: error instanceof TypeError ? "connection" : "other" };
}
