// Credentials of one view of a client. Tokens live here and nowhere else: the core knows expiry and generation only.
// A plain string is asked for at every attempt and never kept; only `{ token, expiresAt }` is.

/** A token that may be kept until it expires. */
export interface Token {
  readonly token: string;
  /** When it ends: a Date, or ms since 1970. Absent: it never does. */
  readonly expiresAt?: Date | number | undefined;
}

/** Why a credentials function is asked. */
export interface Need {
  /**
   * `first`: there was no token yet, as at each ask of a function that gives plain strings. `expired`: the last token's time is
   * over. `refused`: a 401 refused the last token, whose time was not over.
   */
  readonly why: "first" | "expired" | "refused";
}

/**
 * Gives the bearer token. A plain string is asked for at each attempt, in the context of the call that needs it; a
 * {@link Token} is kept and asked for once, for all calls together. A function that declares no parameter (whose `length`
 * is 0) is called without the need.
 */
export type Credentials = (need: Need) => string | Token | Promise<string | Token>;

/** What the core reads as "never expires". */
const NEVER = 2 ** 40 - 1;

/** What came of asking. `expiresIn` in ms as the core counts it: 0 = a plain string. */
export interface Got {
  readonly token: string;
  readonly expiresIn: number;
}

/** One credentials function and the token it gave, if that may be kept. */
export class Auth {
  /** The view's scope; the client's own credentials have none of their own. */
  readonly holding: Holding = { scope: -1, live: 0 };
  readonly #credentials: Credentials;
  #kept: string | null = null;
  /** What the function threw last: the cause of an `auth` failure. */
  error: unknown;

  constructor(credentials: Credentials) {
    if (typeof credentials !== "function") {
      throw new TypeError("credentials: not a function; write credentials: () => token");
    }
    this.#credentials = credentials;
  }

  /** The token that may serve every attempt until it expires. */
  get kept(): string | null {
    return this.#kept;
  }

  /** A fresh token, for one attempt. */
  async token(wall: number): Promise<string> {
    return (await this.renew(wall, "first")).token;
  }

  /** Keeps what the core has accepted; a plain string is never kept. */
  keep({ token, expiresIn }: Got): void {
    this.#kept = expiresIn === 0 ? null : token;
  }

  /** Asks the function. */
  async renew(wall: number, why: Need["why"]): Promise<Got> {
    const ask = this.#credentials;
    // An optional parameter of the function's own must not be taken for the need.
    const got: unknown = await (ask.length > 0 ? ask({ why }) : (ask as () => unknown)());
    if (typeof got === "string") return { token: got, expiresIn: 0 };
    const { token, expiresAt } = (got ?? {}) as Partial<Token>;
    if (typeof token !== "string") throw new TypeError("credentials gave neither a string nor { token, expiresAt }");
    if (expiresAt === undefined) return { token, expiresIn: NEVER };
    const left = Math.floor(Number(expiresAt) - wall);
    if (Number.isNaN(left)) throw new TypeError("expiresAt is neither a Date nor milliseconds since 1970");
    return { token, expiresIn: Math.min(NEVER, Math.max(1, left)) };
  }
}

/** A view's scope in the core, held apart from the view itself, which may be collected earlier. */
export interface Holding {
  /** -1 = none yet. */
  scope: number;
  /** Calls under way. */
  live: number;
}
