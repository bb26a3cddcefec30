// Unique names: request ids and idempotency keys, from the platform's CSPRNG.

import type { RouteSettings } from "../core/settings.js";

/** Makes an idempotency key in the format of the API. */
export function newKey(settings: RouteSettings): string {
  const key = uuid();
  return settings.idempotency.format === "sf-string" ? `"${key}"` : key;
}

/** Makes a random UUID; `randomUUID` is missing on pages without TLS. */
export function uuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 15) | 64;
  bytes[8] = ((bytes[8] as number) & 63) | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
