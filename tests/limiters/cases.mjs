// The limiters that the client is tried before, as data. `rate`: requests a second that the server lets through in the long run,
// `null` where it only delays. `told`: it tells in headers what is left. `brief`: also part of `cargo xtask test`. `least` and
// `most`: the goodput and the share of refused answers that a run must keep to, far from what is measured; `loses`: why calls fail.

const SECOND = 1_000;
const TEN = 10_000;

/** Fifty requests in each second, ten times over; or 200 in ten seconds, twice. */
const windows = {
  "1 s": { limit: 50, windowMs: SECOND, calls: 500 },
  "10 s": { limit: 200, windowMs: TEN, calls: 400 },
};

function counted(window, name, kind, about, options, more) {
  const { limit, windowMs, calls } = windows[window];
  const full = { limit: kind === "python" ? options.limit : limit, windowMs, ...options };
  const rate = (limit * SECOND) / windowMs;
  return {
    name: `${name}${about && `, ${about}`}, ${window}`,
    of: name,
    kind,
    options: full,
    rate,
    windowMs,
    calls,
    ...more,
  };
}

const npm = (window, name, about, options, told, more) =>
  counted(window, name, "node", about, { server: name, ...options }, { told, ...more });

const pypi = (window, name, server, about, options, told, more) => {
  const limit = { "1 s": "50/second", "10 s": "200/10 second" }[window];
  return counted(window, name, "python", about, { server, limit, ...options }, { told, ...more });
};

const express = (window, about, options, more) => npm(window, "express-rate-limit", about, options, true, more);

const inFront = (of, name, options, rate, more) => ({
  name: `${of} ${name}`,
  of,
  kind: of,
  options,
  rate,
  windowMs: SECOND,
  calls: 500,
  told: false,
  ...more,
});

const loses = "a 503 is a failure of the server, and no rate is learned from it";

const limitReq = (about, settings, more) => {
  const http = "limit_req_zone $binary_remote_addr zone=z:1m rate=50r/s;";
  return inFront("nginx", `limit_req ${about}`, { http, location: `limit_req zone=z${settings}` }, 50, more);
};

const limitConn = (about, settings, more) => {
  const http = "limit_conn_zone $binary_remote_addr zone=z:1m;";
  return inFront("nginx", `limit_conn 5${about}`, { http, location: `limit_conn z 5;${settings}`, work: 50 }, 100, {
    calls: 1_000,
    ...more,
  });
};

const haproxy = (per, limit, rate, more) =>
  inFront(
    "haproxy",
    `http_req_rate(${per}) gt ${limit}`,
    {
      table: `type ip size 1k expire 60s store http_req_rate(${per})`,
      frontend: [
        "http-request track-sc0 src",
        `http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${limit} }`,
      ],
    },
    rate,
    more,
  );

const brief = { brief: true };
const status429 = " limit_req_status 429;";

export const cases = [
  express("1 s", "defaults", {}, brief),
  express("1 s", "draft-6", { standardHeaders: "draft-6", legacyHeaders: false }),
  express("1 s", "draft-7", { standardHeaders: "draft-7", legacyHeaders: false }, brief),
  express("1 s", "draft-8", { standardHeaders: "draft-8", legacyHeaders: false }, brief),
  {
    ...express("1 s", "draft-6, with a policy that names its headers", {
      standardHeaders: "draft-6",
      legacyHeaders: false,
    }),
    policy: { limits: [{ name: "all", headers: "ratelimit-fields" }] },
  },
  express("10 s", "defaults", {}),
  express("10 s", "draft-6", { standardHeaders: "draft-6", legacyHeaders: false }),
  express("10 s", "draft-7", { standardHeaders: "draft-7", legacyHeaders: false }),
  express("10 s", "draft-8", { standardHeaders: "draft-8", legacyHeaders: false }),
  { ...express("1 s", "no headers", { standardHeaders: false, legacyHeaders: false }), told: false },
  npm("1 s", "rate-limiter-flexible", "headers", { headers: true }, true, brief),
  npm("10 s", "rate-limiter-flexible", "headers", { headers: true }, true),
  npm("1 s", "rate-limiter-flexible", "no headers", {}, false, brief),
  npm("10 s", "rate-limiter-flexible", "no headers", {}, false),
  {
    ...npm("1 s", "rate-limiter-flexible", "bursty", {}, false, brief),
    name: "rate-limiter-flexible, 50 in 1 s and 20 more in 5 s",
    options: {
      server: "rate-limiter-flexible-bursty",
      limit: 50,
      windowMs: SECOND,
      burst: { points: 20, duration: 5 },
    },
    rate: 54,
  },
  npm("1 s", "@fastify/rate-limit", "", {}, true, brief),
  npm("10 s", "@fastify/rate-limit", "", {}, true),
  npm("1 s", "@fastify/rate-limit", "draft", { enableDraftSpec: true }, true),
  npm("1 s", "@fastify/rate-limit", "continueExceeding", { continueExceeding: true }, true),
  npm("1 s", "hono-rate-limiter", "", {}, true, brief),
  npm("10 s", "hono-rate-limiter", "", {}, true),
  npm("1 s", "koa-ratelimit", "", {}, true, brief),
  npm("10 s", "koa-ratelimit", "", {}, true),
  npm("1 s", "koa-ratelimit", "names of its README", { headers: koaNames() }, false),
  npm("1 s", "express-slow-down", "", {}, false, { rate: null, calls: 300 }),
  limitReq("rate=50r/s", `;${status429}`, { least: 0.2 }),
  limitReq("rate=50r/s burst=20", ` burst=20;${status429}`),
  limitReq("rate=50r/s burst=20 nodelay", ` burst=20 nodelay;${status429}`),
  limitReq("rate=50r/s, 503", ";", { loses, least: 0.2 }),
  limitReq("rate=50r/s burst=20, 503", " burst=20;"),
  limitReq("rate=50r/s burst=20 nodelay, 503", " burst=20 nodelay;", { loses }),
  {
    ...limitReq("rate=50r/s burst=20 nodelay, 503, with a classify rule", " burst=20 nodelay;"),
    policy: { classify: [{ status: 503, as: "rate-limited" }] },
  },
  limitConn("", " limit_conn_status 429;", { least: 0.3 }),
  limitConn(", 503", "", { loses }),
  { ...limitConn(", 503, with a classify rule", ""), policy: { classify: [{ status: 503, as: "rate-limited" }] } },
  haproxy("1s", 50, 50),
  haproxy("10s", 200, 20, { windowMs: TEN, calls: 400, most: 0.3 }),
  pypi(
    "1 s",
    "Flask-Limiter",
    "flask",
    "fixed-window, headers",
    { strategy: "fixed-window", headers: true },
    true,
    brief,
  ),
  pypi("1 s", "Flask-Limiter", "flask", "fixed-window, defaults", { strategy: "fixed-window", headers: false }, false),
  pypi("1 s", "Flask-Limiter", "flask", "moving-window, headers", { strategy: "moving-window", headers: true }, true),
  pypi("10 s", "Flask-Limiter", "flask", "moving-window, headers", { strategy: "moving-window", headers: true }, true),
  pypi(
    "10 s",
    "Flask-Limiter",
    "flask",
    "sliding-window-counter, headers",
    { strategy: "sliding-window-counter", headers: true },
    true,
  ),
  pypi(
    "10 s",
    "Flask-Limiter",
    "flask",
    "moving-window, defaults",
    { strategy: "moving-window", headers: false },
    false,
  ),
  pypi("1 s", "slowapi", "slowapi", "headers", { headers: true }, true),
  pypi("10 s", "slowapi", "slowapi", "headers", { headers: true }, true),
  pypi("1 s", "slowapi", "slowapi", "defaults", { headers: false }, false),
  {
    ...pypi("1 s", "djangorestframework", "django", "AnonRateThrottle 50/s", { limit: "50/s" }, false),
    name: "djangorestframework, AnonRateThrottle 50/s",
  },
];

function koaNames() {
  return { remaining: "Rate-Limit-Remaining", reset: "Rate-Limit-Reset", total: "Rate-Limit-Total" };
}
