// The headers of a verb: the policy's, the client's own, and the caller's, which win. Names are compared without case.

import { secretHeaders } from "../core/lists.js";
import type { RouteSettings } from "../core/settings.js";
import { entries, type HeaderSource } from "../http/headers.js";
import type { Values } from "./url.js";

/** The headers of every call of one route, computed once. */
export interface RouteHeaders {
  readonly lines: Readonly<Record<string, string>>;
  /** The names as written, by lower-case name. */
  readonly names: ReadonlyMap<string, string>;
  readonly requestId: string | null;
  readonly correlationId: string | null;
  readonly query: Values | undefined;
}

/** The headers of one call. */
export interface CallHeaders {
  readonly lines: Record<string, string>;
  /** Lower-case names that the caller wrote; null = none. */
  readonly own: ReadonlySet<string> | null;
}

/**
 * Computes the headers of a route. In browsers a header is sent only if the policy writes it, since each costs a
 * preflight.
 */
export function routeHeaders(settings: RouteSettings, browser: boolean): RouteHeaders {
  const lines: Record<string, string> = {};
  const { userAgent, requestId, correlationId, version } = settings;
  if (userAgent !== null && (userAgent.written || !browser)) lines["User-Agent"] = userAgent.value;
  if (version?.header) lines[version.header] = version.pin;
  const names = new Map(Object.keys(lines).map((name) => [name.toLowerCase(), name]));
  for (const [name, value] of Object.entries(settings.headers)) put(lines, names, name, value);
  const also: Record<string, string> = { ...settings.query };
  if (version?.query) also[version.query] = version.pin;
  return {
    lines,
    names,
    requestId: requestId !== null && (requestId.written || !browser) ? requestId.name : null,
    // Sent only where the caller's function returns one, which is as explicit as the policy.
    correlationId: correlationId?.name ?? null,
    query: Object.keys(also).length === 0 ? undefined : also,
  };
}

/** Computes the headers of one call, equal on each of its attempts. */
export function callHeaders(
  known: RouteHeaders,
  given: HeaderSource | undefined,
  correlationId: (() => string | undefined) | undefined,
  uuid: () => string,
): CallHeaders {
  const lines = { ...known.lines };
  if (known.requestId !== null) lines[known.requestId] = uuid();
  const correlation = known.correlationId === null ? undefined : correlationId?.();
  if (correlation !== undefined) lines[known.correlationId as string] = correlation;
  if (given === undefined) return { lines, own: null };
  const names = new Map(Object.keys(lines).map((name) => [name.toLowerCase(), name]));
  const own = new Set<string>();
  for (const [name, value] of entries(given)) {
    const lower = name.toLowerCase();
    if (own.has(lower)) lines[names.get(lower) as string] += `, ${value}`;
    else put(lines, names, name, value);
    own.add(lower);
  }
  return { lines, own };
}

/** Reports whether the caller wrote a secret that a redirect would carry to another origin. */
export function withSecrets({ own }: CallHeaders): boolean {
  if (own === null) return false;
  // fetch itself drops Authorization at another origin, and carries the others there.
  for (const name of own) if (name !== "authorization" && secretHeaders.has(name)) return true;
  return false;
}

function put(lines: Record<string, string>, names: Map<string, string>, name: string, value: string): void {
  const lower = name.toLowerCase();
  const before = names.get(lower);
  if (before !== undefined) delete lines[before];
  names.set(lower, name);
  lines[name] = value;
}
