// The quick start: a client of one API, from a policy file. Run by the tests against the fault server.

import { readFileSync } from "node:fs";
import { CallError, createClient } from "unruffled";

const policy = JSON.parse(readFileSync(new URL("orders.policy.json", import.meta.url), "utf8"));
const orders = createClient(policy, { credentials: () => process.env.ORDERS_TOKEN });

try {
  const order = await orders.get("/orders/{id}", { path: { id: 7 } }).json();
  console.log("order", order.sku);

  // One idempotency key for all attempts: a lost answer does not make a second order.
  await orders.post("/orders", { json: { sku: order.sku } });

  const response = await orders.get("/orders", { query: { state: "open", tag: ["a", "b"] } });
  console.log(response.status, (await response.json()).length);
  console.log(orders.explain(response));
} catch (error) {
  if (!(error instanceof CallError)) throw error;
  console.error(error.reason, error.outcome, error.retryAt);
  console.error(error.explain());
  process.exitCode = 1;
}
