import Stripe from "stripe";

export const name = "stripe";
export const packages = ["stripe"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, attempt, token, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : undefined;
  const { hostname, port, pathname } = new URL(base);
  const stripe = new Stripe(undefined, {
    host: hostname,
    port,
    protocol: "http",
    telemetry: false,
    authenticator: async (request) => {
      request.headers.Authorization = `Bearer ${token() ?? "none"}`;
    },
    ...(fetch === undefined ? {} : { httpClient: Stripe.createFetchHttpClient(fetch), maxNetworkRetries: 0 }),
    ...(attempt === undefined ? {} : { timeout: attempt }),
  });
  return {
    read: async () => (await stripe.rawRequest("GET", `${pathname}/v1/things/r1`)).id,
    write: async ({ op }) => (await stripe.rawRequest("POST", `${pathname}/v1/things`, { op })).id,
    stream: () => stripe.rawRequest("GET", `${pathname}/v1/things/r1/pdf`, undefined, { streaming: true }),
    // It takes no abort signal.
    deaf: true,
    judge(error) {
      if (error instanceof Stripe.errors.StripeConnectionError) {
        // One class for both; the error in it says which.
        const late = error.detail?.code === "ETIMEDOUT" || error.detail?.name === "TimeoutError";
        return { error: "native", family: late ? "timeout" : "connection" };
      }
      if (error instanceof Stripe.errors.StripeError && error.statusCode !== undefined)
        return { status: error.statusCode };
      return { error: "native", family: "other" };
    },
    close: () => fetch?.close(),
  };
}
