// The compiler must refuse each marked line; TypeScript reports one that it accepts.

import { createClient, createFetch, type Policy } from "unruffled";
import typo from "./typo.policy.json" with { type: "json" };

// @ts-expect-error a typo in the key of an imported file
createClient(typo);
// @ts-expect-error a typo in a literal
createClient({ retyr: {} });
// @ts-expect-error a typo inside
createClient({ retry: { atempts: 3 } });
// @ts-expect-error a typo in a list
createFetch({ limits: [{ name: "core", rte: 5 }] });
// @ts-expect-error a typo in a route
createFetch({ routes: { "GET /x": { timeout: {} } } });
// @ts-expect-error a key that only the whole API has
createFetch({ routes: { "GET /x": { concurrency: 5 } } });
// @ts-expect-error the wrong type
export const wrong: Policy = { retry: 4 };

const client = createClient("https://api.example.com");
// @ts-expect-error an object is no query value
client.get("/x", { query: { a: { b: 1 } } });
// @ts-expect-error null is no path value
client.get("/x/{id}", { path: { id: null } });
// @ts-expect-error no such event
client.on(() => {}, "nonsense");
// @ts-expect-error the listener comes first
client.on("wait", () => {});
