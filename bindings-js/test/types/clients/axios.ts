// The adapter's type against axios's.

import axios, { type AxiosAdapter, type AxiosInstance } from "axios";
import { createAdapter } from "unruffled/axios";

const adapter = createAdapter(axios, "https://api.example.com", { adapter: ["http", "fetch"], log: console });

export const same: AxiosAdapter = adapter;
export const api: AxiosInstance = axios.create({ baseURL: "https://api.example.com", adapter });
export const inline: AxiosInstance = axios.create({ adapter: createAdapter(axios, { retry: { attempts: 2 } }) });

export async function told(): Promise<string> {
  const stop: () => void = adapter.on(({ ms }) => console.log(ms), ["wait"]);
  stop();
  const response = await api.get<{ id: number }>("/x");
  return adapter.explain(response) + response.data.id + adapter.snapshot().waiting;
}

// @ts-expect-error: a typo in a policy's key
createAdapter(axios, { retries: 3 });
