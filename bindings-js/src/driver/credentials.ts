// Credentials of one view of a client. Only this file holds tokens: the core knows expiry and generation only. A plain
// string is fetched for every attempt and not retained; `{ token, expiresAt }` is.

/** A token that may be kept until it expires. */
export interface Token {
  readonly token: string;
  /** When it ends: a Date, or ms since 1970. Absent: it never does. */
  readonly expiresAt?: Date | number | undefined;
}

/** Why a credentials function is asked. */
export interface Need {
  /**
   * `first`: there was no token yet, as at each ask of a function that gives plain strings. `expired`: the last token has ended,
   * or will soon. `refused`: a 401 refused the last token, whose time was not over.
   */
  readonly why: "first" | "expired" | "refused";
}

/**
 * Gives the bearer token. A plain string is asked for at each attempt, in the context of the call that needs it; a
 * {@link Token} is kept and asked for once, for all calls together. A function that declares no parameter (whose `length`
 * is 0) is called without the need.
 */
export type Credentials = (need: Need) => string | Token | Promise<string | Token>;

/** The time that the core reads as "never expires". */
const NEVER = 2 ** 40 - 1;

/** The result of a credentials function. `expiresIn` in ms as the core counts it: 0 = a plain string. */
export interface FetchedToken {
  readonly token: string;
  readonly expiresIn: number;
}

/** One credentials function and its token, if that may be retained. */
export class Credential {
  /** The view's scope; the client's own credentials have none. */
  readonly viewScope: ViewScope = { scope: -1, live: 0 };
  readonly #credentials: Credentials;
  #retained: string | null = null;
  /** The last error of the function: the cause of an `auth` failure. */
  error: unknown;

  constructor(credentials: Credentials) {
    if (typeof credentials !== "function") {
      throw new TypeError("credentials: not a function; write credentials: () => token");
    }
    this.#credentials = credentials;
  }

  /** Returns the token that serves every attempt until it expires. */
  get retained(): string | null {
    return this.#retained;
  }

  /** Fetches a token for one attempt. */
  async token(wall: number): Promise<string> {
    return (await this.renew(wall, "first")).token;
  }

  /** Retains a token that the core has accepted; a plain string is never retained. */
  retain({ token, expiresIn }: FetchedToken): void {
    this.#retained = expiresIn === 0 ? null : token;
  }

  /** Reports whether this is the token that is retained. */
  retains({ token, expiresIn }: FetchedToken): boolean {
    return expiresIn > 0 && token === this.#retained;
  }

  /** Calls the function. */
  async renew(wall: number, why: Need["why"]): Promise<FetchedToken> {
    const ask = this.#credentials;
    // A function's own optional parameter must not be mistaken for the need.
    const got: unknown = await (ask.length > 0 ? ask({ why }) : (ask as () => unknown)());
    if (typeof got === "string") return { token: fit(got), expiresIn: 0 };
    const { token, expiresAt } = (got ?? {}) as Partial<Token>;
    if (typeof token !== "string") throw new TypeError("credentials gave neither a string nor { token, expiresAt }");
    fit(token);
    if (expiresAt === undefined || expiresAt === null) return { token, expiresIn: NEVER };
    const left = Math.floor(Number(expiresAt) - wall);
    if (Number.isNaN(left)) throw new TypeError("expiresAt is neither a Date nor milliseconds since 1970");
    return { token, expiresIn: Math.min(NEVER, Math.max(1, left)) };
  }
}

/** Returns a text that a header can carry. Throws an error that does not show any other. */
function fit(token: string): string {
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new TypeError("credentials gave something that is no token: printable ASCII without spaces is");
  }
  return token;
}

/** A view's scope in the core. It is apart from the view, which may be collected earlier. */
export interface ViewScope {
  /** The scope's number; -1 = none yet. */
  scope: number;
  /** The number of running calls. */
  live: number;
}
