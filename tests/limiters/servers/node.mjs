// Starts one limiter of npm on a free port of the loopback: `node node.mjs NAME OPTIONS`. Prints {"address"}; GET /_counts gives
// how many answers had which status. Ends when its input is closed.
import { createServer } from "node:http";

const [name, text] = process.argv.slice(2);
const { limit, windowMs, work = 5, ...options } = JSON.parse(text);
const pause = () => new Promise((resolve) => setTimeout(resolve, work));
const key = () => "one key for all";

/** Makes of each limiter what its documentation shows: a listener of requests. */
const makers = {
  async "express-rate-limit"() {
    const { rateLimit } = await import("express-rate-limit");
    return express(rateLimit({ windowMs, limit, ...options }));
  },

  async "express-slow-down"() {
    const { slowDown } = await import("express-slow-down");
    return express(slowDown({ windowMs, delayAfter: limit, delayMs: (hits) => 10 * (hits - limit), ...options }));
  },

  async "rate-limiter-flexible"() {
    const { RateLimiterMemory } = await import("rate-limiter-flexible");
    return flexible(new RateLimiterMemory({ points: limit, duration: windowMs / 1_000 }));
  },

  async "rate-limiter-flexible-bursty"() {
    const { BurstyRateLimiter, RateLimiterMemory } = await import("rate-limiter-flexible");
    const { points, duration } = options.burst;
    const steady = new RateLimiterMemory({ points: limit, duration: windowMs / 1_000 });
    return flexible(new BurstyRateLimiter(steady, new RateLimiterMemory({ keyPrefix: "burst", points, duration })));
  },

  async "@fastify/rate-limit"() {
    const { default: fastify } = await import("fastify");
    const { default: rateLimit } = await import("@fastify/rate-limit");
    const app = fastify();
    await app.register(rateLimit, { max: limit, timeWindow: windowMs, ...options });
    app.get("/items", () => pause().then(() => ({})));
    await app.ready();
    return app.routing;
  },

  async "hono-rate-limiter"() {
    const { Hono } = await import("hono");
    const { getRequestListener } = await import("@hono/node-server");
    const { rateLimiter } = await import("hono-rate-limiter");
    const app = new Hono();
    app.use(rateLimiter({ windowMs, limit, keyGenerator: key, ...options }));
    app.get("/items", async (context) => {
      await pause();
      return context.json({});
    });
    return getRequestListener(app.fetch);
  },

  async "koa-ratelimit"() {
    const { default: Koa } = await import("koa");
    const { default: rateLimit } = await import("koa-ratelimit");
    const app = new Koa();
    app.use(rateLimit({ driver: "memory", db: new Map(), duration: windowMs, max: limit, id: key, ...options }));
    app.use(async (context) => {
      await pause();
      context.body = {};
    });
    return app.callback();
  },
};

async function express(middleware) {
  const { default: make } = await import("express");
  return make()
    .use(middleware)
    .get("/items", (_request, response) => pause().then(() => response.json({})));
}

/** The headers are those of the README of rate-limiter-flexible; without `headers` there are none, as in its examples. */
function flexible(limiter) {
  const told = (from) => ({
    "Retry-After": from.msBeforeNext / 1000,
    "X-RateLimit-Limit": limit,
    "X-RateLimit-Remaining": from.remainingPoints,
    "X-RateLimit-Reset": Math.ceil((Date.now() + from.msBeforeNext) / 1000),
  });
  return async (_request, response) => {
    try {
      const passed = await limiter.consume(key());
      await pause();
      response.writeHead(200, options.headers ? told(passed) : {}).end("{}");
    } catch (refused) {
      response.writeHead(429, options.headers ? told(refused) : {}).end("Too Many Requests");
    }
  };
}

const listen = await makers[name]();
const counts = {};
const server = createServer((request, response) => {
  if (request.url === "/_counts") {
    response.end(JSON.stringify(counts));
    return;
  }
  response.on("finish", () => {
    counts[response.statusCode] = (counts[response.statusCode] ?? 0) + 1;
  });
  listen(request, response);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ address: `http://127.0.0.1:${server.address().port}` }));
});
process.stdin.on("end", () => process.exit(0)).resume();
