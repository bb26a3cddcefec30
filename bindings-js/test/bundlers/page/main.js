import { createClient, init } from "unruffled/slim";

await init();
const orders = createClient(location.origin);
globalThis.order = await orders.get("/orders/{id}", { path: { id: 7 } }).json();
