// undici's own API. Bare: its retry interceptor at its defaults, and its own time limits.

import { Agent, errors, interceptors, request } from "undici";
import { createInterceptor } from "unruffled/undici";

export const name = "undici-request";
export const packages = ["undici"];
export const under = "unruffled/undici";

export function make({ base, mode, policy, buffer, attempt, token }) {
  const { dispatcher, close } = agent({ mode, policy, buffer, attempt });
  const send = async (path, options, read) => {
    const headers = { ...options.headers, ...(token() === undefined ? {} : { authorization: `Bearer ${token()}` }) };
    const { statusCode, body } = await request(base + path, { dispatcher, ...options, headers });
    if (statusCode < 400) return read(body);
    await body.dump();
    return { status: statusCode };
  };
  const id = async (body) => (await body.json()).id;
  return {
    read: ({ signal }) => send("/thing", { signal }, id),
    write: ({ op, signal }) => {
      const headers = { "content-type": "application/json" };
      return send("/thing", { method: "POST", headers, body: JSON.stringify({ op }), signal }, id);
    },
    stream: ({ signal }) => send("/thing", { signal }, (body) => body),
    judge: byUndici,
    close,
  };
}

/** Makes a dispatcher with our interceptor, or bare. */
export function agent({ mode, policy, buffer, attempt }) {
  if (mode === "unruffled") {
    const inner = new Agent();
    const interceptor = createInterceptor(policy, { buffer });
    return { dispatcher: inner.compose(interceptor), close: () => (interceptor.close(), inner.destroy()) };
  }
  const inner = new Agent(attempt === undefined ? {} : { headersTimeout: attempt, bodyTimeout: attempt });
  return { dispatcher: inner.compose(interceptors.retry()), close: () => inner.destroy() };
}

const LATE = [errors.HeadersTimeoutError, errors.BodyTimeoutError, errors.ConnectTimeoutError];

/** Judges an error of undici: the caller's own reason, or an error of undici or of the system. */
export function byUndici(error, { reason }) {
  if (error === reason) return { error: "cancelled" };
  if (error?.code === "UND_ERR_REQ_RETRY") return { status: error.statusCode };
  if (LATE.some((kind) => error instanceof kind)) return { error: "native", family: "timeout" };
  const network = error instanceof errors.UndiciError || error?.syscall !== undefined || error?.code === "ECONNRESET";
  return { error: "native", family: network ? "connection" : "other" };
}
