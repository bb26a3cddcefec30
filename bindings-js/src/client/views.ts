// Scopes of a client's views. A scope's name is never used twice, so that a view inherits no state of another in the
// core. A scope is freed when its view is unreachable and its last call is over.

import type { Credential, ViewScope } from "../driver/credentials.js";
import type { Engine } from "../driver/engine.js";

/**
 * The most idle views that keep their scopes: some platforms never report an unreachable view, and busy loops leave no
 * time to.
 */
const MOST = 1000;

/** How many of the least recently used views are checked in search of an idle one. */
const LOOKS = 100;

/** The views of one client. */
export class Views {
  readonly #engine: Engine;
  /** The views that have a scope; the most recently used is the last. */
  readonly #held = new Set<ViewScope>();
  readonly #gone =
    typeof FinalizationRegistry === "undefined"
      ? undefined
      : new FinalizationRegistry<ViewScope>((viewScope) => this.#free(viewScope));
  #count = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Registers a view. A running call references its view's credential, which keeps the scope. */
  add(credential: Credential): void {
    this.#gone?.register(credential, credential.viewScope);
  }

  /** Returns the scope for a call that begins now. */
  begin({ viewScope }: Credential): number {
    if (viewScope.scope < 0) {
      viewScope.scope = this.#engine.core.scope("", `view-${++this.#count}`);
      if (this.#held.size >= MOST) this.#freeIdle();
    } else this.#held.delete(viewScope);
    this.#held.add(viewScope);
    viewScope.live++;
    return viewScope.scope;
  }

  #freeIdle(): void {
    let looked = 0;
    for (const viewScope of this.#held) {
      if (viewScope.live === 0) {
        this.#free(viewScope);
        return;
      }
      if (++looked === LOOKS) return;
    }
  }

  #free(viewScope: ViewScope): void {
    if (!this.#held.delete(viewScope)) return;
    this.#engine.core.free(this.#engine.now(), viewScope.scope);
    viewScope.scope = -1;
  }
}
