// Scopes of a client's views. Each has a name that is never given twice, so that no view inherits another's state in the core; it
// is freed when the view can no longer be reached and its last call is over.

import type { Auth, Holding } from "../driver/credentials.js";
import type { Engine } from "../driver/engine.js";

/** So many idle views keep their scopes; where the platform tells of none that is gone, and in loops that give it no time to. */
const MOST = 1000;

/** How many of the views that were not used for longest are looked at, in search of an idle one. */
const LOOKS = 100;

/** The views of one client. */
export class Views {
  readonly #engine: Engine;
  /** Those that have a scope; the one that was used last at the end. */
  readonly #held = new Set<Holding>();
  readonly #gone =
    typeof FinalizationRegistry === "undefined"
      ? undefined
      : new FinalizationRegistry<Holding>((holding) => this.#free(holding));
  #count = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A call under way reaches its view's credentials, and so keeps the scope. */
  add(auth: Auth): void {
    this.#gone?.register(auth, auth.holding);
  }

  /** The scope for a call that begins now. */
  begin({ holding }: Auth): number {
    if (holding.scope < 0) {
      holding.scope = this.#engine.core.scope("", `view-${++this.#count}`);
      if (this.#held.size >= MOST) this.#freeIdle();
    } else this.#held.delete(holding);
    this.#held.add(holding);
    holding.live++;
    return holding.scope;
  }

  #freeIdle(): void {
    let looked = 0;
    for (const holding of this.#held) {
      if (holding.live === 0) {
        this.#free(holding);
        return;
      }
      if (++looked === LOOKS) return;
    }
  }

  #free(holding: Holding): void {
    if (!this.#held.delete(holding)) return;
    this.#engine.core.free(this.#engine.now(), holding.scope);
    holding.scope = -1;
  }
}
