import { Octokit } from "@octokit/core";

export const name = "octokit";
export const packages = ["@octokit/core"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, token, refresh, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : undefined;
  const octokit = new Octokit({ baseUrl: base, ...(fetch === undefined ? {} : { request: { fetch } }) });
  octokit.hook.wrap("request", async (request, options) => {
    const signed = (token) =>
      token === undefined ? options.headers : { ...options.headers, authorization: `Bearer ${token}` };
    try {
      return await request({ ...options, headers: signed(token()) });
    } catch (error) {
      if (error.status !== 401) throw error;
      return request({ ...options, headers: signed(refresh()) });
    }
  });
  return {
    read: async ({ signal }) => (await octokit.request("GET /thing", { request: { signal } })).data.id,
    write: async ({ op, signal }) => (await octokit.request("POST /thing", { op, request: { signal } })).data.id,
    stream: async ({ signal }) =>
      (await octokit.request("GET /thing", { request: { signal, parseSuccessResponseBody: false } })).data,
    judge(error, { reason }) {
      if (error.name === "AbortError" || error === reason || error.cause === reason) return { error: "cancelled" };
      if (error.response !== undefined) return { status: error.status };
      // Octokit throws an HttpError with status 500 for each failure of fetch; its cause is fetch's error.
      const thrown = error.cause ?? error;
      if (thrown.name === "TimeoutError") return { error: "native", family: "timeout" };
      return { error: "native", family: thrown instanceof TypeError ? "connection" : "other" };
    },
    close: () => fetch?.close(),
  };
}
