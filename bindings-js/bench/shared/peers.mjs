// What people use today and what is ours, each as one function that gets `/orders/7` and gives its parsed JSON. Peers are
// set up as their documentation does it, with a time limit of 10 s where they have one and with retries switched on.

import { createRequire } from "node:module";
import { createAdapter } from "../../dist/axios.js";
import { createClient, createFetch } from "../../dist/index.js";
import { createInterceptor } from "../../dist/undici.js";

const old = Number(process.versions.node.split(".")[0]) < 22;
const require = createRequire(import.meta.url);

/** Two majors of one peer: what runs on Node 20, and the newest. */
const either = (name) => import(old ? `${name}-20` : name);

const versionOf = (name) => require(`../node_modules/${name}/package.json`).version;

/** The name of a row: one for all Nodes, with the versions that Node 20 and the newer one get. */
function named(name, ...packages) {
  const versions = packages.map((each) => [...new Set(versionsOf(each))].join("/"));
  return `${name} ${versions.join(", ")}`;
}

function versionsOf(name) {
  try {
    return [versionOf(`${name}-20`), versionOf(name)];
  } catch {
    return [versionOf(name)];
  }
}

/** Everything on: time limits, breaker, budget, a bucket with a rate too high to wait for. */
export const policy = (baseUrl) => ({
  baseUrl,
  timeouts: { attempt: "10s", idle: "10s", total: "60s" },
  limits: [{ name: "core", rate: 1_000_000_000, per: "1s", headers: "x-ratelimit" }],
});

const LIMIT = 10_000;

/**
 * Every kind of call against `base`.
 *
 * @param base - origin
 * @param fetch - the transport, or undefined for the global one
 * @returns list of `{ row, call, over }`; `over`: the row that it is compared with, "bare fetch" unless given; `slow`: takes
 * milliseconds.
 */
export async function peers(base, fetch) {
  const send = fetch ?? globalThis.fetch;
  const url = `${base}/orders/7`;
  const bare = async () => (await send(url)).json();
  const kinds = [
    { row: "bare fetch", call: bare },
    { row: "bare fetch again (control)", call: bare },
  ];
  kinds.push(...ours(base, fetch, url));
  kinds.push(...(await wrappers(send, url)));
  kinds.push(...(await clients(base, send, url)));
  if (fetch === undefined) kinds.push(await viaGot(url));
  return kinds;
}

function ours(base, fetch, url) {
  const given = fetch === undefined ? {} : { fetch };
  const client = createClient(policy(base), given);
  const plain = createClient({ ...policy(base), requestId: false, userAgent: null }, given);
  const dropin = createFetch(policy(base), given);
  const { signal } = new AbortController();
  return [
    { row: "unruffled get().json()", call: () => client.get("/orders/7").json() },
    { row: "unruffled get().json(), without request id", call: () => plain.get("/orders/7").json() },
    { row: "unruffled get().json(), with a signal", call: () => client.get("/orders/7", { signal }).json() },
    { row: "unruffled await get(), json()", call: async () => (await client.get("/orders/7")).json() },
    { row: "unruffled createFetch", call: async () => (await dropin(url)).json() },
    { row: "unruffled createFetch, with a signal", call: async () => (await dropin(url, { signal })).json() },
  ];
}

/** Those that wrap a function. */
async function wrappers(send, url) {
  const { default: pRetry } = await either("p-retry");
  const { default: Opossum } = await either("opossum");
  const got = async (signal) => {
    const response = await send(url, signal === undefined ? undefined : { signal });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  };
  const retried = () => pRetry(() => got(), { retries: 3, minTimeout: 200 });
  const breaker = new Opossum(retried, { timeout: LIMIT, volumeThreshold: 20 });
  const cockatiel = await either("cockatiel");
  const { plain, timed } = cockatiels(cockatiel);
  return [
    { row: named("p-retry", "p-retry"), call: retried },
    { row: named("opossum + p-retry", "opossum", "p-retry"), call: () => breaker.fire() },
    { row: named("cockatiel retry + breaker", "cockatiel"), call: () => plain.execute(() => got()) },
    {
      row: named("cockatiel retry + breaker + timeout", "cockatiel"),
      call: () => timed.execute(({ signal }) => got(signal)),
    },
  ];
}

function cockatiels(cockatiel) {
  const { circuitBreaker, ExponentialBackoff, handleAll, retry, SamplingBreaker, timeout, TimeoutStrategy, wrap } =
    cockatiel;
  const parts = () => [
    retry(handleAll, { maxAttempts: 3, backoff: new ExponentialBackoff() }),
    circuitBreaker(handleAll, {
      halfOpenAfter: 10_000,
      breaker: new SamplingBreaker({ threshold: 0.5, duration: 30_000 }),
    }),
  ];
  return { plain: wrap(...parts()), timed: wrap(...parts(), timeout(LIMIT, TimeoutStrategy.Aggressive)) };
}

/** Those that are clients of their own, over a fetch that they are given. */
async function clients(base, send, url) {
  const { default: ky } = await either("ky");
  const api = ky.create({ fetch: send, timeout: LIMIT, retry: 3 });
  const { createFetch: makeOfetch } = await import("ofetch");
  const ofetch = makeOfetch({ fetch: send, Headers, AbortController });
  const { default: OpenAI } = await either("openai");
  const openai = new OpenAI({ apiKey: "none", baseURL: base, fetch: send, timeout: LIMIT, maxRetries: 3 });
  const { Octokit } = await import("@octokit/core");
  const { retry } = await import("@octokit/plugin-retry");
  const octokit = new (Octokit.plugin(retry))({ baseUrl: base, request: { fetch: send } });
  const axios = await viaAxios(send, base);
  const bareAxios = named("bare axios", "axios");
  return [
    { row: named("ofetch", "ofetch"), call: () => ofetch(url, { timeout: LIMIT, retry: 3 }) },
    { row: named("ky", "ky"), call: () => api.get(url).json() },
    {
      row: named("axios + axios-retry", "axios", "axios-retry"),
      call: async () => (await axios.retrying.get(url)).data,
    },
    { row: bareAxios, call: async () => (await axios.bare.get(url)).data },
    { row: "unruffled axios adapter", over: bareAxios, call: async () => (await axios.ours.get(url)).data },
    { row: named("openai", "openai"), call: () => openai.get("/orders/7") },
    {
      row: named("Octokit core + retry", "@octokit/core", "@octokit/plugin-retry"),
      call: async () => (await octokit.request("GET /orders/7")).data,
      slow: true,
    },
  ];
}

/** With axios-retry over the fetch that is given; bare and through ours by what axios takes in Node, unless that is a stub. */
async function viaAxios(send, base) {
  const { default: axios } = await import("axios");
  const { default: axiosRetry } = await import("axios-retry");
  const fetched = { adapter: "fetch", env: { fetch: send, Request, Response } };
  const retrying = axios.create({ ...fetched, timeout: LIMIT });
  axiosRetry(retrying, { retries: 3, retryDelay: axiosRetry.exponentialDelay });
  const config = send === globalThis.fetch ? { adapter: "http" } : fetched;
  const adapter = createAdapter(axios, policy(base), { adapter: config.adapter });
  return { retrying, bare: axios.create(config), ours: axios.create({ ...config, adapter }) };
}

async function viaGot(url) {
  const { default: got } = await either("got");
  const api = got.extend({ timeout: { request: LIMIT }, retry: { limit: 3 } });
  return { row: named("got", "got"), call: () => api(url).json() };
}

/**
 * undici's own fetch: bare, through its RetryAgent, and through ours.
 *
 * @param stub - the text to answer from memory, or null for sockets
 */
export async function undicis(base, stub) {
  const undici = await either("undici");
  const { Agent, fetch, MockAgent, RetryAgent } = undici;
  const make = () => (stub === null ? new Agent() : mocked(new MockAgent(), base, stub));
  const url = `${base}/orders/7`;
  const row = `bare undici ${versionsOf("undici").join("/")}`;
  const plain = make();
  const retrying = new RetryAgent(make());
  const ours = make().compose(createInterceptor(policy(base)));
  return [
    { row, call: async () => (await fetch(url, { dispatcher: plain })).json() },
    {
      row: named("undici RetryAgent", "undici"),
      over: row,
      call: async () => (await fetch(url, { dispatcher: retrying })).json(),
    },
    {
      row: "unruffled undici dispatcher",
      over: row,
      call: async () => (await fetch(url, { dispatcher: ours })).json(),
    },
  ];
}

function mocked(agent, base, body) {
  agent.disableNetConnect();
  const headers = { "content-type": "application/json" };
  agent.get(base).intercept({ path: "/orders/7" }).reply(200, body, { headers }).persist();
  return agent;
}
