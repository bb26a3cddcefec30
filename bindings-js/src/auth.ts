// Credentials of one view of a client. Tokens live here and nowhere else: the core knows expiry and generation only.
// A plain string is asked for at every attempt and never kept; only `{ token, expiresAt }` is.

import type { Holding } from "./views.js";

/** A token that may be kept until it expires. */
export interface Token {
  readonly token: string;
  /** When it ends: a Date, or ms since 1970. Absent: it never does. */
  readonly expiresAt?: Date | number | undefined;
}

/**
 * Gives the bearer token. A plain string is asked for at each attempt, in the context of the call that needs it; a
 * {@link Token} is kept and asked for once, for all calls together.
 */
export type Credentials = () => string | Token | Promise<string | Token>;

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
    return (await this.renew(wall)).token;
  }

  /** Keeps what the core has accepted; a plain string is never kept. */
  keep({ token, expiresIn }: Got): void {
    this.#kept = expiresIn === 0 ? null : token;
  }

  /** Asks the function. */
  async renew(wall: number): Promise<Got> {
    const got: unknown = await this.#credentials();
    if (typeof got === "string") return { token: got, expiresIn: 0 };
    const { token, expiresAt } = (got ?? {}) as Partial<Token>;
    if (typeof token !== "string") throw new TypeError("credentials gave neither a string nor { token, expiresAt }");
    if (expiresAt === undefined) return { token, expiresIn: NEVER };
    const left = Math.floor(Number(expiresAt) - wall);
    if (Number.isNaN(left)) throw new TypeError("expiresAt is neither a Date nor milliseconds since 1970");
    return { token, expiresIn: Math.min(NEVER, Math.max(1, left)) };
  }
}
