// The retry loop that everybody has written once: three more tries after 200, 400 and 800 ms, for any error and for
// 429 and 5xx. No jitter, no budget, no breaker, no idempotency key, and Retry-After is not read. `cargo xtask demo` runs
// it beside the three clients.
import { play, shown, sleep } from "./day.mjs";

shown.attempts = 0;
shown.waiting = 0;

async function attempt(url, init) {
  shown.attempts += 1;
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(1000) });
  await response.arrayBuffer();
  return response.status;
}

await play(async (url, init) => {
  for (let tries = 0; ; tries += 1) {
    try {
      const status = await attempt(url, init);
      if (tries === 3 || (status !== 429 && status < 500)) return status;
    } catch (error) {
      if (tries === 3) throw error;
    }
    shown.waiting += 1;
    await sleep(200 * 2 ** tries);
    shown.waiting -= 1;
  }
});
