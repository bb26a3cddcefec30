// Maps the platform's errors to fault codes. "Unsent" needs proof, since unsafe requests are then sent again. Fetch
// follows redirects by itself, so a refused connection may be the second hop of a request that the first hop has
// carried out. That hop may even go to the same server, closed since.

import {
  CAUSE,
  CAUSES,
  CONNECT_TIMEOUT,
  LOST,
  OFFLINE,
  PERMANENT,
  REFUSED,
  TIMEOUT,
  UNSENT,
} from "../core/step-word.js";

/** Codes of errors before the first byte of the request was written. */
const BEFORE_REQUEST: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_NODATA",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ConnectionRefused",
  "FailedToOpenSocket",
]);

/** Causes of the core by the platform's error codes. */
const SAID: ReadonlyMap<string, (typeof CAUSES)[number]> = new Map([
  ["ECONNREFUSED", "connection-refused"],
  ["ConnectionRefused", "connection-refused"],
  ["ENOTFOUND", "no-such-name"],
  ["EAI_NODATA", "no-such-name"],
  ["EHOSTUNREACH", "unreachable"],
  ["ENETUNREACH", "unreachable"],
  ["ECONNRESET", "reset"],
  ["EPIPE", "reset"],
]);

/** Certificate errors: Node and Bun use the names of OpenSSL, Deno uses words. */
const CERTIFICATE =
  /CERT(_|$)|CERTIFICATE_VERIFICATION|LEAF_SIGNATURE|^(HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)$/;
const CERTIFICATE_TEXT = /invalid peer certificate/;
/** The server's first bytes are not TLS. */
const NO_TLS = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE)$/;
const NO_TLS_TEXT = /:(wrong version number|packet length too long):|InvalidContentType/;

/** Contradictory or missing framing of an answer: the server would send the same again. */
const FRAMING =
  /^(HPE_(INVALID_CONTENT_LENGTH|UNEXPECTED_CONTENT_LENGTH|INVALID_TRANSFER_ENCODING|INVALID_HEADER_TOKEN)|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/;
const FRAMING_TEXT = /HTTP\/1\.1 protocol \(.*(Content-Length|Transfer-Encoding|[Ii]nvalid header)/;
/** Other bytes that are not HTTP: they may be the rest of the previous answer. */
const PARSER = /^(HPE_|UND_ERR_HEADERS_OVERFLOW$)/;
const PARSER_TEXT = /does not match the HTTP\/1\.1 protocol/;

/** Local limits: no more files, ports or memory for a connection, or no permission. No network was at fault. */
const LOCAL: ReadonlySet<string> = new Set([
  "EACCES",
  "EADDRINUSE",
  "EADDRNOTAVAIL",
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EPERM",
]);

const CONNECT_LIMITS: ReadonlySet<string> = new Set(["UND_ERR_CONNECT_TIMEOUT", "ETIMEDOUT"]);
const READ_LIMITS: ReadonlySet<string> = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** Errors without a network fault: an invalid request, an abort, or a retry by a layer below. */
const REFUSALS: ReadonlySet<string> = new Set([
  "ERR_ACCESS_DENIED",
  "UND_ERR_ABORTED",
  "UND_ERR_BPL_MISSING_UPSTREAM",
  "UND_ERR_CLOSED",
  "UND_ERR_DESTROYED",
  "UND_ERR_INVALID_ARG",
  "UND_ERR_INVALID_RETURN_VALUE",
  "UND_ERR_MAX_ORIGINS_REACHED",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_REQ_RETRY",
  "UND_ERR_RESPONSE",
  "UND_MOCK_ERR_MOCK_NOT_MATCHED",
]);

/** Messages of fetch in such cases, where it gives no code. */
const REFUSED_TEXTS = ["unknown scheme", "HTTP(S) scheme", "bad port"];

/** Messages of a redirect that is not followed: a server has answered, and may have done the work. */
const REDIRECT_TEXTS = ["unexpected redirect", "redirect count exceeded"];
const REDIRECT_CODES: ReadonlySet<string> = new Set(["UND_ERR_REDIRECT_MAX", "ERR_FR_TOO_MANY_REDIRECTS"]);

/** Errors that no network raises: a programming error, an unreadable file, or a missing permission. */
const PROGRAMMING: ReadonlySet<string> = new Set([
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "EvalError",
  "URIError",
  "NotReadableError",
  "NotCapable",
  "PermissionDenied",
]);
const PROGRAMMING_TEXTS =
  /is not (an? |iterable|defined|extensible)|^Cannot (access|assign|convert|destructure|mix|read|set) |(undefined|null) is not |Illegal invocation|to a ByteString|circular structure/;
const PROGRAMMING_CODES = /^ERR_(INVALID|MISSING|OUT_OF_RANGE|ASSERTION|HTTP_INVALID|UNESCAPED)/;
/** Names of network errors of other clients that come without a code. */
const NETWORKS = /network|fetch|socket|connect|time|abort|request|^TypeError$|^DOMException$/i;

/** A proxy that refuses the tunnel, in undici's text with its status. */
const TUNNEL = /^Proxy response \((\d+)\)/;

/** The fields of a platform error that show where it happened. */
interface Cause {
  readonly name?: string;
  readonly message?: string;
  readonly code?: unknown;
  readonly syscall?: string;
  readonly hostname?: string;
  readonly host?: string;
  readonly address?: string;
  readonly port?: number;
  readonly cause?: unknown;
  readonly errors?: readonly Cause[];
}

/** The request that broke. */
export interface Broken {
  readonly url: string;
  /** Not safe to send twice. */
  readonly unsafe: boolean;
  readonly hop: Hop;
}

/**
 * Which of an attempt's requests may have broken. `"first"`: the original one. `"own"`: the original, or one that its
 * sender makes for itself; proof must name the original's host. `"later"`: one after a redirect. `"any"`: unknown.
 */
export type Hop = "first" | "own" | "later" | "any";

/** Adds the platform's cause to a fault, as the core takes them. */
const of = (fault: number, cause: (typeof CAUSES)[number]): number => fault + CAUSE * CAUSES.indexOf(cause);

/** Returns the fault code of an error of `fetch`, with its cause in the bits above. */
export async function faultOf(error: unknown, request: Broken): Promise<number> {
  const chain = isObject(error) ? causes(error) : [];
  const fault = await judged(chain, request);
  // A server has answered, and may have done the work; the network was not at fault.
  const answered = request.hop === "later" || chain.some(isRedirect);
  return fault === REFUSED && answered && request.unsafe ? PERMANENT : fault;
}

async function judged(chain: readonly Cause[], request: Broken): Promise<number> {
  if (chain.length === 0) return REFUSED;
  const codes = chain.map((cause) => String(cause.code ?? ""));
  if (chain.some(isRedirect)) return REFUSED;
  if (chain.some((cause) => REFUSED_TEXTS.some((words) => says(cause, words)))) return REFUSED;
  const tunnel = chain
    .map(({ message }) => Number(TUNNEL.exec(String(message))?.[1] ?? 0))
    .find((status) => status > 0);
  // A 407 asks for credentials, a 5xx reports the network behind the proxy. The request went through in neither case.
  if (tunnel !== undefined) return tunnel < 500 ? REFUSED : (await proven([], request)) ? UNSENT : LOST;
  if (codes.some((code) => REFUSALS.has(code))) return REFUSED;
  if (chain.some((cause) => cause.name === "TimeoutError") || codes.some((code) => READ_LIMITS.has(code)))
    return TIMEOUT;
  if (chain.some((cause) => CONNECT_LIMITS.has(String(cause.code)) && !wasConnected(cause))) {
    return (await proven(chain, request)) ? CONNECT_TIMEOUT : codes.includes("ETIMEDOUT") ? LOST : TIMEOUT;
  }
  if (chain.some(({ code, syscall }) => LOCAL.has(String(code)) && syscall !== "read" && syscall !== "write")) {
    // One of several addresses may be unusable on this machine.
    if (!codes.some((code) => BEFORE_REQUEST.has(code))) return REFUSED;
  }
  const last = forGood(chain, codes);
  // Without proof the error may be another server's, after a redirect, and the request may have done its work.
  if (last !== null) return last === "protocol" || (await proven(chain, request)) ? of(PERMANENT, last) : PERMANENT;
  const cause = said(chain, codes);
  if (chain.some(neverWritten)) return of((await proven(chain, request)) ? UNSENT : LOST, cause);
  if (isProgramming(chain, codes)) return REFUSED;
  return isOffline(request.url) ? OFFLINE : of(LOST, cause);
}

/** Reports whether every attempt would break in the same way. */
function forGood(chain: readonly Cause[], codes: readonly string[]): "certificate" | "no-tls" | "protocol" | null {
  if (codes.some((code) => CERTIFICATE.test(code)) || chain.some((cause) => matches(cause, CERTIFICATE_TEXT)))
    return "certificate";
  if (codes.some((code) => NO_TLS.test(code)) || chain.some((cause) => matches(cause, NO_TLS_TEXT))) return "no-tls";
  const framing = codes.some((code) => FRAMING.test(code)) || chain.some((cause) => matches(cause, FRAMING_TEXT));
  return framing ? "protocol" : null;
}

function said(chain: readonly Cause[], codes: readonly string[]): (typeof CAUSES)[number] {
  for (const code of codes) {
    const known = SAID.get(code);
    if (known !== undefined) return known;
    if (PARSER.test(code)) return "protocol";
  }
  if (chain.some((cause) => matches(cause, PARSER_TEXT))) return "protocol";
  return chain.some((cause) => cause.code === "UND_ERR_SOCKET" && says(cause, "closed")) ? "reset" : "none";
}

function isRedirect(cause: Cause): boolean {
  return REDIRECT_CODES.has(String(cause.code)) || REDIRECT_TEXTS.some((words) => says(cause, words));
}

function isObject(value: unknown): value is Cause {
  return typeof value === "object" && value !== null;
}

function says(cause: Cause, words: string): boolean {
  return typeof cause.message === "string" && cause.message.includes(words);
}

function matches({ message }: Cause, text: RegExp): boolean {
  return typeof message === "string" && text.test(message);
}

/** Lists the error, its causes, and their parts (one per address that was tried). */
function causes(error: Cause): Cause[] {
  const found: Cause[] = [];
  const open: unknown[] = [error];
  while (open.length > 0 && found.length < 32) {
    const next = open.shift();
    if (!isObject(next) || found.includes(next)) continue;
    found.push(next);
    open.push(next.cause, ...(Array.isArray(next.errors) ? next.errors : []));
  }
  return found;
}

function neverWritten(cause: Cause): boolean {
  const code = String(cause.code ?? "");
  if ((BEFORE_REQUEST.has(code) || code.startsWith("ERR_SSL_")) && !wasConnected(cause)) return true;
  return says(cause, "before secure TLS connection was established") || says(cause, "REFUSED_STREAM");
}

/**
 * Reports whether the connection stood: some system errors also occur then, since an address may become unreachable at
 * any time.
 */
function wasConnected({ syscall }: Cause): boolean {
  return syscall === "read" || syscall === "write";
}

/**
 * Reports whether the error proves that this request was not sent. After a possible redirect nothing does. Every named
 * place must be this request's.
 */
async function proven(chain: readonly Cause[], request: Broken): Promise<boolean> {
  if (!request.unsafe || request.hop === "first") return true;
  if (request.hop !== "own") return false;
  const { hostname, port, protocol } = new URL(request.url);
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  const wanted = Number(port || (protocol === "https:" ? 443 : 80));
  const named = chain.filter((cause) => (cause.hostname ?? cause.host ?? cause.address) !== undefined);
  if (named.length === 0) return false;
  let known: readonly string[] | undefined;
  for (const cause of named) {
    if ((cause.hostname ?? cause.host) === host) continue;
    if (cause.address === undefined || cause.port !== wanted) return false;
    if (cause.address === host) continue;
    known ??= await addresses(host);
    if (!known.includes(cause.address)) return false;
  }
  return true;
}

interface Lookup {
  readonly promises: { lookup(host: string, options: { all: true }): Promise<readonly { address: string }[]> };
}

/** Resolves the host's name; empty where the platform cannot. */
async function addresses(host: string): Promise<readonly string[]> {
  const runtime = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  const dns = runtime?.getBuiltinModule?.("node:dns") as Lookup | undefined;
  if (dns === undefined) return [];
  try {
    return (await dns.promises.lookup(host, { all: true })).map((entry) => entry.address);
  } catch {
    return [];
  }
}

function isProgramming(chain: readonly Cause[], codes: readonly string[]): boolean {
  const [error] = chain as [Cause];
  const name = String(error.name);
  if (chain.some((cause) => PROGRAMMING.has(String(cause.name)))) return true;
  if (codes.some((code) => PROGRAMMING_CODES.test(code))) return true;
  if (name === "TypeError") return PROGRAMMING_TEXTS.test(String(error.message));
  // An error without a code comes from a user's hook or wrapper; network errors have one.
  return codes.every((code) => code === "") && !NETWORKS.test(name);
}

function isOffline(url: string): boolean {
  const online = (globalThis as { navigator?: { onLine?: boolean } }).navigator?.onLine;
  return online === false && !isLoopback(new URL(url).hostname);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host.startsWith("127.") || host === "[::1]";
}
