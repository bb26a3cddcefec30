// A user's program without the DOM library. It must compile from TypeScript 5.4 on.

import { type Answer, CallError, createClient, createFetch, StatusError } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { init } from "unruffled/slim";
import { createInterceptor } from "unruffled/undici";

const client = createClient({ baseUrl: "https://api.example.com" }, { credentials: () => "t" });
const call: Answer = client.get("/orders/{id}", { path: { id: 7 } });
export const bytes: Promise<Uint8Array> = call.bytes();
export const value: Promise<{ sku: string }> = client.post("/orders", { json: {} }).json<{ sku: string }>();
export const response: Promise<Response> = client.stream("GET", "/x");
export const said = (error: unknown): string => (error instanceof CallError ? error.explain() : "");
export { createAdapter, createFetch, createInterceptor, init, StatusError };
