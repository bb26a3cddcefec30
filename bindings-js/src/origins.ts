// Where a drop-in's call belongs: the origin picks breaker, budget and limits, and the policy's routes bind that of its
// `baseUrl` alone. Both are asked of the core once per text that was seen.

import type { Driver } from "./driver.js";

/** Scopes and routes by what stands in a URL, each remembered for the thousand seen last. */
export class Origins {
  readonly driver: Driver;
  readonly #scopes = new Map<string, { readonly scope: number; readonly origin: string }>();
  readonly #routes = new Map<string, number>();

  constructor(driver: Driver) {
    this.driver = driver;
  }

  /** The scope of a URL, and its route where there is more than one. */
  place(method: string, url: string): { readonly scope: number; readonly route: number } {
    const cut = this.#cut(url);
    const { scope, origin } = this.#scope(url.slice(0, cut));
    if (this.driver.settings.routes.length === 1) return { scope, route: 0 };
    return { scope, route: this.#route(`${method} ${origin}${pathOf(url, cut)}`) };
  }

  /** Where scheme and authority end. */
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
      known = { origin, scope: this.driver.core.scope(origin, "") };
      if (this.#scopes.size >= 1000) this.#scopes.clear();
      this.#scopes.set(written, known);
    }
    return known;
  }

  #route(target: string): number {
    let route = this.#routes.get(target);
    if (route === undefined) {
      route = this.driver.core.route(target);
      if (this.#routes.size >= 1000) this.#routes.clear();
      this.#routes.set(target, route);
    }
    return route;
  }
}

/** A URL for texts: no query, no fragment, no user. */
export function shown(url: string): string {
  return url.replace(/[?#].*$/s, "").replace(/\/\/[^/@]*@/, "//");
}

function pathOf(url: string, from: number): string {
  const rest = url.slice(from);
  const ends = [rest.indexOf("?"), rest.indexOf("#")].filter((at) => at >= 0);
  const path = ends.length === 0 ? rest : rest.slice(0, Math.min(...ends));
  return path === "" ? "/" : path;
}
