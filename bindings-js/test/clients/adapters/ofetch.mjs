import { createFetch } from "ofetch";
import { byFetch } from "./fetch.mjs";

export const name = "ofetch";
export const packages = ["ofetch"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, attempt, token, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : undefined;
  const api = createFetch({
    ...(fetch === undefined ? {} : { fetch }),
    defaults: {
      baseURL: base,
      ...(fetch === undefined ? { timeout: attempt } : { retry: false }),
      onRequest({ options }) {
        if (token() !== undefined) options.headers.set("authorization", `Bearer ${token()}`);
      },
    },
  });
  return {
    read: async ({ signal }) => (await api("/thing", { signal })).id,
    write: async ({ op, signal }) => (await api("/thing", { method: "POST", body: { op }, signal })).id,
    stream: ({ signal }) => api("/thing", { responseType: "stream", signal }),
    judge(error, call) {
      if (error.response !== undefined && error.status >= 400) return { status: error.status };
      return byFetch(error.cause ?? error, call);
    },
    close: () => fetch?.close(),
  };
}
