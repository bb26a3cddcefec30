// A drop-in fetch under code that brings its own client: here a ten-line SDK that takes a `fetch` option.

import { createFetch } from "unruffled";

class OrdersSdk {
  constructor({ baseURL, fetch }) {
    this.baseURL = baseURL;
    this.fetch = fetch;
  }

  async order(id) {
    const { fetch } = this;
    const response = await fetch(`${this.baseURL}/orders/${id}`, { headers: { accept: "application/json" } });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  }
}

const fetch = createFetch({ timeouts: { attempt: "5s" }, retry: { base: "50ms" } });
const sdk = new OrdersSdk({ baseURL: process.env.ORDERS_URL, fetch });
console.log("order", (await sdk.order(7)).sku);
