// What people use in Node, as its documentation shows it, with three retries and 1 s per attempt where it has such a
// thing. `cargo xtask demo --peers` runs each through the bad day.
import axios from "axios";
import axiosRetry from "axios-retry";
import { circuitBreaker, ExponentialBackoff, handleAll, retry, SamplingBreaker, wrap } from "cockatiel";
import ky from "ky";
import { kind, play } from "../day.mjs";

// ky retries network errors, 408, 413, 429, 500, 502, 503 and 504 of methods that are idempotent; it reads Retry-After.
// Its time limit is for all attempts of a call together, so it is left at its default.
async function withKy(url, init) {
  const response = await ky(url, { ...init, retry: { limit: 3 }, throwHttpErrors: false });
  await response.arrayBuffer();
  return response.status;
}

// axios-retry retries network errors and 5xx of methods that are idempotent, here with its exponential delay and jitter.
const client = axios.create({ timeout: 1000, validateStatus: (status) => status < 400 });
axiosRetry(client, { retries: 3, retryDelay: axiosRetry.exponentialDelay, shouldResetTimeout: true });
async function withAxios(url, { method, headers, body }) {
  const response = await client.request({ url, method, headers, data: body });
  return response.status;
}

// cockatiel: retry with jittered exponential backoff around a breaker of 50 % over 30 s, for whatever the function
// throws; it is told to throw for 429 and 5xx.
const retries = retry(handleAll, { maxAttempts: 3, backoff: new ExponentialBackoff({ initialDelay: 200 }) });
const breaker = circuitBreaker(handleAll, {
  halfOpenAfter: 10_000,
  breaker: new SamplingBreaker({ threshold: 0.5, duration: 30_000 }),
});
const policy = wrap(retries, breaker);
const withCockatiel = (url, init) =>
  policy.execute(async () => {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    if (response.status === 429 || response.status >= 500) throw new Error(`status ${response.status}`);
    return response.status;
  });

await play({ ky: withKy, axios: withAxios, cockatiel: withCockatiel }[kind]);
