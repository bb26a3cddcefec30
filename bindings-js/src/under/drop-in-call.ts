// The base of all drop-in calls: their place, their flags for the core, and their texts.

import type { CallError } from "../core/errors.js";
import { originOf } from "../core/origin.js";
import { type RouteSettings, routeOf } from "../core/settings.js";
import * as w from "../core/step-word.js";
import type { Upload } from "../http/upload.js";
import type { Origins } from "./origins.js";

/** The base class of all drop-in calls. */
export abstract class DropInCall {
  readonly target: number;
  readonly scope: number;
  readonly deadline = 0;
  readonly settings: RouteSettings;
  readonly dropin = true;
  readonly raise = false;
  readonly credential = null;
  readonly url: string;
  readonly unsafe: boolean;
  flags: number;
  /** The method in upper case, as servers know it. */
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
    this.flags = w.DROPIN | code;
  }

  get label(): string {
    // Some APIs have keys in the path, so only the policy's own pattern is shown.
    const { pattern } = this.settings;
    const at = pattern.indexOf("/");
    return `${this.method} ${originOf(this.url)}${at < 0 ? "" : pattern.slice(at)}`;
  }

  /** Returns the name of the idempotency header. */
  protected get keyHeader(): string {
    return this.settings.idempotency.header;
  }

  /**
   * Returns the limit in ms between two pieces of a body, if the policy's own text gives it; else 0: the client's own
   * limit applies.
   */
  protected get writtenIdle(): number {
    return this.settings.idleWritten === true ? this.settings.idle : 0;
  }

  /** Sets the flags for the core: those of the body, and `flags` of the request. */
  protected describe(upload: Upload, flags: number): void {
    this.flags = (this.flags | w.sizeBits(upload.size) | (upload.repeatable ? w.REPEATABLE : 0) | flags) >>> 0;
  }

  protected get stacked(): boolean {
    return (this.flags & w.STACKED) !== 0;
  }

  /** Reports whether the caller's request has its own key. */
  protected get keyed(): boolean {
    return (this.flags & w.KEYED) !== 0;
  }
}

/** Reports whether an unsent call ended by a time limit, for which clients have errors of their own. */
export function isLate({ reason }: CallError): boolean {
  return reason === "deadline" || reason === "timeout";
}
