// axios over its http adapter. Bare: with axios-retry at its defaults.

import { Agent } from "node:http";
import axios from "axios";
import axiosRetry from "axios-retry";
import { createAdapter } from "unruffled/axios";

export const name = "axios";
export const packages = ["axios"];
export const under = "unruffled/axios";

export function make({ base, mode, policy, attempt, token, refresh }) {
  const adapter = mode === "unruffled" ? createAdapter(axios, policy) : undefined;
  const httpAgent = new Agent({ keepAlive: true });
  const api = axios.create({
    baseURL: base,
    proxy: false,
    httpAgent,
    timeout: attempt ?? 0,
    ...(adapter && { adapter }),
  });
  if (adapter === undefined) axiosRetry(api);
  api.interceptors.request.use((config) => {
    if (token() !== undefined) config.headers.set("Authorization", `Bearer ${token()}`);
    return config;
  });
  api.interceptors.response.use(null, (error) => {
    if (error.response?.status !== 401 || error.config.again === true) throw error;
    refresh();
    return api.request({ ...error.config, again: true });
  });
  return {
    read: async ({ signal }) => (await api.get("/thing", { signal })).data.id,
    write: async ({ op, signal }) => (await api.post("/thing", { op }, { signal })).data.id,
    stream: async ({ signal }) => (await api.get("/thing", { signal, responseType: "stream" })).data,
    judge(error) {
      if (axios.isCancel(error)) return { error: "cancelled" };
      if (error.response?.status >= 400) return { status: error.response.status };
      if (error.code === "ECONNABORTED" || error.code === "ETIMEDOUT") return { error: "native", family: "timeout" };
      return { error: "native", family: axios.isAxiosError(error) ? "connection" : "other" };
    },
    close() {
      adapter?.close();
      httpAgent.destroy();
    },
  };
}
