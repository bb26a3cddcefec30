// A program that must type-check against the built package, in strict mode, with an imported policy file.

import {
  type Answer,
  CallError,
  type Credentials,
  createClient,
  createFetch,
  type Need,
  type Policy,
  PolicyError,
  StatusError,
} from "unruffled";
import policy from "../../examples/orders.policy.json" with { type: "json" };

interface Order {
  readonly id: number;
  readonly sku: string;
}

const told: Credentials = async ({ why }: Need) => (why === "refused" ? "t2" : "t1");
const credentials: Credentials = async () => ({ token: "t", expiresAt: new Date() });
const orders = createClient(policy, { credentials, log: console, correlationId: () => "c" });
orders.as(told).close();
const controller = new AbortController();

export async function main(): Promise<string | undefined> {
  const order: Order = await orders.get("/orders/{id}", { path: { id: 7 } }).json<Order>();
  const unknown: unknown = await orders.get("/orders").json();
  const answer: Answer = orders.post("/orders", {
    json: { sku: order.sku },
    signal: controller.signal,
    deadline: 1000,
  });
  const response: Response = await answer;
  const bytes: Uint8Array = await orders.get("/x", { query: { a: [1, "b", true, null], c: undefined } }).bytes();
  const stop: () => void = orders.on((event) => console.log(event.kind, event.at), ["attempt", "wait"]);
  const changes: [route: string, endpoint: string][] = [];
  orders.on(({ route = "", endpoint = "" }) => changes.push([route, endpoint]), "breaker")();
  stop();
  try {
    await orders.as(() => "token").delete("/orders/{id}", { path: { id: 7 }, idempotencyKey: true, raise: false });
  } catch (error) {
    if (error instanceof StatusError) return error.headers.get("x") ?? error.body;
    if (error instanceof CallError)
      return `${error.reason} ${error.outcome} ${error.retryAt?.toISOString()} ${error.explain()}`;
    if (error instanceof PolicyError) return error.issues[0]?.path;
  }
  return String(unknown) + response.url + bytes.length;
}

/** As SDKs declare their `fetch` option. */
export function sdk(options: { fetch: typeof globalThis.fetch }): typeof globalThis.fetch {
  return options.fetch;
}
sdk({ fetch: createFetch("https://api.example.com") });
createFetch({
  timeouts: { attempt: "5s", idle: 1000 },
  breaker: false,
  classify: [{ status: [429, 403], as: "fail" }],
});
createClient({
  preset: "interactive",
  retry: null,
  routes: { "GET /x": { breaker: { wait: "5s" }, cost: { core: 2 } } },
});
export const written: Policy = {
  unruffled: 1,
  limits: [{ name: "core", headers: { remaining: "x-left", unit: "ms" } }],
};
createClient(written);
