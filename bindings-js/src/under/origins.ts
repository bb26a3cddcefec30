// Places a drop-in's call. Its origin picks breaker, budget and limits; within it the core tells endpoints apart by
// method and path. The policy's routes apply to the origin of its `baseUrl` alone. The core is asked once per text.

import type { Engine } from "../driver/engine.js";

/** Caches of scopes and targets by parts of URLs, each for the last thousand. */
export class Origins {
  readonly engine: Engine;
  readonly #scopes = new Map<string, { readonly scope: number; readonly origin: string }>();
  readonly #targets = new Map<string, number>();

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Returns the scope of a URL, and its target: route and endpoint, as `begin` takes them. */
  place(method: string, url: string): { readonly scope: number; readonly target: number } {
    const cut = this.#cut(url);
    const { scope, origin } = this.#scope(url.slice(0, cut));
    return { scope, target: this.#target(`${method} ${origin}${pathOf(url, cut)}`) };
  }

  /** Returns the end of scheme and authority. */
  #cut(url: string): number {
    for (let at = url.indexOf("//") + 2; at < url.length; at++) {
      const char = url[at];
      if (char === "/" || char === "?" || char === "#" || char === "\\") return at;
    }
    return url.length;
  }

  #scope(written: string): { readonly scope: number; readonly origin: string } {
    let known = this.#scopes.get(written);
    if (known === undefined) {
      const origin = URL.canParse(written) ? new URL(written).origin : "";
      known = { origin, scope: this.engine.core.scope(origin, "") };
      if (this.#scopes.size >= 1000) this.#scopes.clear();
      this.#scopes.set(written, known);
    }
    return known;
  }

  #target(text: string): number {
    let target = this.#targets.get(text);
    if (target === undefined) {
      target = this.engine.core.route(text);
      if (this.#targets.size >= 1000) this.#targets.clear();
      this.#targets.set(text, target);
    }
    return target;
  }
}

function pathOf(url: string, from: number): string {
  const rest = url.slice(from);
  const ends = [rest.indexOf("?"), rest.indexOf("#")].filter((at) => at >= 0);
  const path = ends.length === 0 ? rest : rest.slice(0, Math.min(...ends));
  return path === "" ? "/" : path;
}
