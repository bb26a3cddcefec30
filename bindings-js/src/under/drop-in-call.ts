// What is the same of every call beneath somebody else's client: where it belongs, what the core is told of it, and how its
// ends are told apart.

import * as w from "../core/codes.js";
import type { CallError } from "../core/errors.js";
import { originOf } from "../core/origin.js";
import { type RouteSettings, routeOf } from "../core/settings.js";
import type { Upload } from "../http/upload.js";
import type { Origins } from "./origins.js";

/** The common part of a drop-in's calls. */
export abstract class Beneath {
  readonly target: number;
  readonly scope: number;
  readonly deadline = 0;
  readonly settings: RouteSettings;
  readonly dropin = true;
  readonly raise = false;
  readonly auth = null;
  readonly url: string;
  readonly unsafe: boolean;
  what: number;
  /** In upper case, as servers know it. */
  protected readonly method: string;

  constructor(origins: Origins, method: string, url: string) {
    this.method = method.toUpperCase();
    this.url = url;
    const { scope, target } = origins.place(this.method, url);
    this.scope = scope;
    this.target = target;
    this.settings = origins.engine.settings.routes[routeOf(target)] as RouteSettings;
    const code = w.methodCode(this.method);
    this.unsafe = code >= w.methodCode("POST");
    this.what = w.DROPIN | code;
  }

  get label(): string {
    // Some APIs have their keys in the path: of it only the policy's own pattern is shown.
    const { pattern } = this.settings;
    const at = pattern.indexOf("/");
    return `${this.method} ${originOf(this.url)}${at < 0 ? "" : pattern.slice(at)}`;
  }

  /** The name of the header that keys go into. */
  protected get keyHeader(): string {
    return this.settings.idempotency.header;
  }

  /** Milliseconds between two pieces of a body, if the policy's own text says so; else 0: the client's limit holds. */
  protected get writtenIdle(): number {
    return this.settings.idleWritten === true ? this.settings.idle : 0;
  }

  /** Tells the core of the body, and with `flags` of what the request says itself. */
  protected tell(upload: Upload, flags: number): void {
    this.what = (this.what | w.sizeBits(upload.size) | (upload.repeatable ? w.REPEATABLE : 0) | flags) >>> 0;
  }

  protected get stacked(): boolean {
    return (this.what & w.STACKED) !== 0;
  }

  /** The caller's request has a key of its own. */
  protected get keyed(): boolean {
    return (this.what & w.KEYED) !== 0;
  }
}

/** Whether a call that was never sent ended by a limit of time, for which clients have errors of their own. */
export function isLate({ reason }: CallError): boolean {
  return reason === "deadline" || reason === "timeout";
}
