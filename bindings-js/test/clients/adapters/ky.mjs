import ky, { HTTPError, TimeoutError } from "ky";
import { byFetch } from "./fetch.mjs";

export const name = "ky";
export const packages = ["ky"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, attempt, token, refresh, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : undefined;
  const sign = (request, token) => {
    if (token !== undefined) request.headers.set("authorization", `Bearer ${token}`);
  };
  const api = ky.create({
    prefixUrl: base,
    ...(fetch === undefined ? { timeout: attempt ?? 10_000 } : { fetch, retry: 0, timeout: false }),
    hooks: {
      beforeRequest: [(request) => sign(request, token())],
      afterResponse: [
        (request, _options, response) => {
          if (response.status !== 401) return response;
          sign(request, refresh());
          return ky(request, { retry: 0 });
        },
      ],
    },
  });
  return {
    read: async ({ signal }) => (await api.get("thing", { signal }).json()).id,
    write: async ({ op, signal }) => (await api.post("thing", { json: { op }, signal }).json()).id,
    stream: async ({ signal }) => (await api.get("thing", { signal })).body,
    judge(error, call) {
      if (error instanceof HTTPError) return { status: error.response.status };
      if (error instanceof TimeoutError) return { error: "native", family: "timeout" };
      return byFetch(error, call);
    },
    close: () => fetch?.close(),
  };
}
