// The interceptor's type against those of each major of undici.

import { Agent, type Dispatcher, Pool } from "undici";
import { Agent as Agent8, interceptors } from "undici-8";
import { createInterceptor, type Interceptor } from "unruffled/undici";

const interceptor: Interceptor = createInterceptor({ baseUrl: "https://api.example.com" }, { buffer: true });

export const agent: Dispatcher = new Agent().compose(interceptor);
export const pool: Dispatcher = new Pool("https://api.example.com").compose([interceptor]);
export const newer: Agent8 | object = new Agent8().compose(interceptor, interceptors.redirect());

export function told(data: Dispatcher.ResponseData, error: Error): string {
  const stop: () => void = interceptor.on(({ ms }) => console.log(ms), "attempt");
  stop();
  interceptor.close();
  return interceptor.explain(data) + interceptor.explain(error) + interceptor.snapshot().inFlight;
}

// @ts-expect-error: a typo in a policy's key
createInterceptor({ retries: 3 });
