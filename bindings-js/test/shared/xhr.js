// axios over XMLHttpRequest in a page, with our adapter, against a server that plays `SCRIPT`.

import axios from "axios";
import { createAdapter } from "unruffled/axios";

/** The script of the fault server. */
export const SCRIPT = {
  paths: {
    "/busy": { answers: [{ status: 503, times: 2 }] },
    "/stuck": { answers: [{ fault: "stall-headers" }], cycle: true },
    "/later": { answers: [{ status: 503, headers: { "Retry-After": "20" } }], cycle: true },
    "/missing": { answers: [{ status: 404 }], cycle: true },
  },
};

/** The expected lines, one for each call. */
export const EXPECTED = [
  "busy: 200 XMLHttpRequest 3 attempts",
  "busy: 200 as a POST",
  "stuck: ETIMEDOUT",
  "stuck: ECONNABORTED timeout of 50ms exceeded",
  "later: canceled",
  "missing: ERR_BAD_REQUEST 404",
];

export async function overXhr(base) {
  const policy = { retry: { base: "5ms", attempts: 3 }, timeouts: { attempt: "200ms" } };
  const adapter = createAdapter(axios, policy);
  const api = axios.create({ baseURL: base, adapter });
  const failed = (path, config) => api.get(path, config).then(String, (error) => error);
  const busy = await api.get("/busy");
  const told = [`busy: ${busy.status} ${busy.request.constructor.name} ${adapter.explain(busy).split(",")[0]}`];
  told.push(`busy: ${(await api.post("/busy", { a: 1 })).status} as a POST`);
  told.push(`stuck: ${(await failed("/stuck")).code}`);
  const own = await failed("/stuck", { timeout: 50 });
  told.push(`stuck: ${own.code} ${own.message}`);
  const controller = new AbortController();
  adapter.on(() => controller.abort(), "attempt");
  const later = await failed("/later", { signal: controller.signal });
  told.push(`later: ${axios.isCancel(later) ? "canceled" : later}`);
  const missing = await failed("/missing");
  told.push(`missing: ${missing.code} ${missing.response.status}`);
  return told;
}
