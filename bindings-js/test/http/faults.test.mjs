// What each platform error proves. After `unsent` an unsafe request is sent again. So it needs proof that names the
// request's own host, because fetch follows redirects unseen.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { faultOf, word } from "../../.build/internal.js";
import { networkError } from "../kit.js";

const HERE = "http://127.0.0.1:8080/x";
const get = { url: HERE, unsafe: false, hop: "own" };
const post = { url: HERE, unsafe: true, hop: "own" };
const here = { syscall: "connect", address: "127.0.0.1", port: 8080 };

/** Checks the fault of an error. `expected`: the fault, and after a space the cause, where the platform names one. */
async function is(expected, error, request) {
  const code = await faultOf(error, request);
  const cause = word.CAUSES[Math.floor(code / word.CAUSE)];
  assert.equal(word.FAULTS[code % word.CAUSE] + (cause === "none" ? "" : ` ${cause}`), expected);
}

describe("Node's errors", () => {
  const table = [
    ["unsent connection-refused", networkError("ECONNREFUSED", here), post],
    ["unsent connection-refused", networkError("ECONNREFUSED", here), get],
    [
      "unsent no-such-name",
      networkError("ENOTFOUND", { hostname: "api.example.com" }),
      { ...post, url: "https://api.example.com/" },
    ],
    [
      "unsent",
      networkError("EAI_AGAIN", { hostname: "api.example.com" }),
      { ...post, url: "https://api.example.com/" },
    ],
    ["permanent certificate", networkError("CERT_HAS_EXPIRED"), get],
    ["permanent certificate", networkError("ERR_TLS_CERT_ALTNAME_INVALID", { host: "api.example.com" }), get],
    ["permanent certificate", networkError("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), get],
    ["permanent certificate", networkError("SELF_SIGNED_CERT_IN_CHAIN"), { ...post, hop: "first" }],
    ["permanent no-tls", networkError("ERR_SSL_WRONG_VERSION_NUMBER"), get],
    ["permanent no-tls", networkError("EPROTO", { message: "ssl3_get_record:wrong version number:../deps" }), get],
    ["permanent protocol", networkError("HPE_INVALID_CONTENT_LENGTH"), get],
    ["permanent protocol", networkError("HPE_UNEXPECTED_CONTENT_LENGTH"), post],
    ["lost protocol", networkError("HPE_INVALID_CONSTANT"), get],
    ["lost protocol", networkError("UND_ERR_HEADERS_OVERFLOW"), get],
    ["unsent unreachable", networkError("EHOSTUNREACH", here), get],
    ["unsent unreachable", networkError("ENETUNREACH", here), post],
    ["connect-timeout", networkError("UND_ERR_CONNECT_TIMEOUT"), get],
    ["connect-timeout", networkError("ETIMEDOUT", here), { ...post, hop: "first" }],
    ["lost", networkError("ETIMEDOUT", { ...here, syscall: "read" }), { ...post, hop: "first" }],
    ["lost unreachable", networkError("EHOSTUNREACH", { ...here, syscall: "write" }), { ...post, hop: "first" }],
    ["refused", networkError("UND_ERR_INVALID_ARG"), get],
    ["refused", networkError("UND_ERR_DESTROYED"), get],
    ["refused", networkError("UND_ERR_MAX_ORIGINS_REACHED"), get],
    ["refused", networkError("ERR_ACCESS_DENIED"), get],
    ["refused", networkError("EMFILE", here), get],
    ["refused", networkError("EADDRNOTAVAIL", here), post],
    ["refused", networkError("ERR_INVALID_STATE"), get],
    ["refused", networkError("UND_ERR_ABORTED", { message: "Proxy response (407) !== 200 when HTTP Tunneling" }), post],
    ["unsent", networkError("UND_ERR_ABORTED", { message: "Proxy response (502) !== 200 when HTTP Tunneling" }), get],
    ["lost", networkError("UND_ERR_ABORTED", { message: "Proxy response (502) !== 200 when HTTP Tunneling" }), post],
    ["lost reset", networkError("ECONNRESET"), post],
    ["lost reset", networkError("EPIPE"), post],
    ["lost", networkError("UND_ERR_SOCKET"), post],
    ["timeout", networkError("UND_ERR_HEADERS_TIMEOUT"), post],
    ["timeout", networkError("UND_ERR_BODY_TIMEOUT"), post],
    ["lost", new TypeError("fetch failed"), post],
    ["permanent", networkError(undefined, { message: "unexpected redirect" }), { ...post, hop: "first" }],
    ["refused", networkError(undefined, { message: "unexpected redirect" }), get],
    ["refused", networkError(undefined, { message: "redirect count exceeded" }), get],
    ["permanent", networkError("UND_ERR_REDIRECT_MAX"), post],
    ["permanent", networkError("UND_ERR_INVALID_ARG"), { ...post, hop: "later" }],
    ["refused", networkError("UND_ERR_INVALID_ARG"), { ...post, hop: "any" }],
    ["refused", networkError(undefined, { message: "unknown scheme" }), get],
    ["refused", networkError(undefined, { message: "URL scheme must be a HTTP(S) scheme" }), get],
    ["refused", networkError(undefined, { message: "bad port" }), get],
  ];
  for (const [expected, error, request] of table) {
    const told = `${error.cause?.code ?? error.cause?.message ?? error.message}`;
    it(`${told} of a ${request.unsafe ? "POST" : "GET"} is ${expected}`, () => is(expected, error, request));
  }

  it("all addresses refused is unsent, one that was not is lost", async () => {
    const refused = [here, here].map((place) => Object.assign(new Error(), { code: "ECONNREFUSED", ...place }));
    await is("unsent connection-refused", new TypeError("fetch failed", { cause: new AggregateError(refused) }), post);
  });

  it("an address that is not this machine's, beside one that refused, is unsent", async () => {
    const codes = ["EADDRNOTAVAIL", "ECONNREFUSED"];
    const tried = codes.map((code) => Object.assign(new Error(), { code, ...here }));
    await is("unsent connection-refused", new TypeError("fetch failed", { cause: new AggregateError(tried) }), post);
  });

  it("a refusal somewhere else than at the request's own host proves nothing for an unsafe request", async () => {
    const elsewhere = { syscall: "connect", address: "10.0.0.9", port: 8080 };
    await is("lost connection-refused", networkError("ECONNREFUSED", elsewhere), post);
    await is("lost connection-refused", networkError("ECONNREFUSED", { ...here, port: 9090 }), post);
    await is("lost no-such-name", networkError("ENOTFOUND", { hostname: "other.example.com" }), {
      ...post,
      url: "https://api.example.com/",
    });
    await is("permanent", networkError("CERT_HAS_EXPIRED"), post);
    await is("unsent connection-refused", networkError("ECONNREFUSED", elsewhere), { ...post, hop: "first" });
  });

  it("nothing is proven where a redirect may have been followed, though the place is the request's own", async () => {
    await is("lost connection-refused", networkError("ECONNREFUSED", here), { ...post, hop: "any" });
    await is("unsent connection-refused", networkError("ECONNREFUSED", here), { ...get, hop: "any" });
    await is("permanent", networkError("ERR_TLS_CERT_ALTNAME_INVALID", { host: "127.0.0.1" }), {
      ...post,
      hop: "any",
    });
  });

  it("a name is looked up to see whether the refusing address is its own", async () => {
    await is("unsent connection-refused", networkError("ECONNREFUSED", { ...here, port: 80 }), {
      ...post,
      url: "http://localhost/x",
    });
  });
});

describe("other platforms' errors", () => {
  it("browsers prove nothing", async () => {
    for (const text of ["Failed to fetch", "Load failed", "NetworkError when attempting to fetch resource."]) {
      await is("lost", new TypeError(text), post);
    }
  });

  it("Bun's refusal is one", () =>
    is("unsent connection-refused", Object.assign(new Error("x"), { code: "ConnectionRefused" }), get));

  it("a TimeoutError of the fetch that was given is a timeout", async () => {
    await is("timeout", new DOMException("timed out", "TimeoutError"), post);
  });
});

describe("programming errors", () => {
  const mistakes = [
    new RangeError("x"),
    new ReferenceError("x is not defined"),
    new TypeError("fetch is not a function"),
    new TypeError("Cannot read properties of undefined (reading 'a')"),
    new TypeError("Cannot destructure property 'a' of 'undefined' as it is undefined."),
    new TypeError("x is not a constructor"),
    new Error("a hook of mine"),
    Object.assign(new Error("no"), { name: "ValidationError" }),
    new DOMException("The file changed", "NotReadableError"),
    Object.assign(new Error("Requires net access"), { name: "NotCapable" }),
    "a string",
    undefined,
    null,
  ];
  for (const mistake of mistakes) it(`${String(mistake)} is refused`, () => is("refused", mistake, get));
});
