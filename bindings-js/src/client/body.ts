// The body of a verb: JSON, a form, or a body as fetch takes it.

import { type Body, isIterable, type Upload, uploadOf } from "../http/upload.js";
import { encodeForm, UrlMistake, type Values } from "./url.js";

/** Prepares the body of a verb from at most one of three options. */
export function upload(json: unknown, form: Values | URLSearchParams | FormData | undefined, body: unknown): Upload {
  const given = Number(json !== undefined) + Number(form !== undefined) + Number(body !== undefined && body !== null);
  if (given === 0) return uploadOf(null);
  if (given > 1) throw new TypeError("json, form and body exclude each other");
  if (json !== undefined) {
    const text: string | undefined = JSON.stringify(json);
    if (text === undefined) throw new TypeError("json: nothing that JSON can say");
    return { body: text, type: "application/json", repeatable: true, size: text.length };
  }
  if (form !== undefined) {
    if (form instanceof URLSearchParams || form instanceof FormData) return uploadOf(form);
    const text = encodeForm(form);
    return { body: text, type: "application/x-www-form-urlencoded", repeatable: true, size: text.length };
  }
  if (isPlain(body)) throw new UrlMistake("body: an object is not sent as it is; did you mean json?");
  return uploadOf(body as Body);
}

/** Reports whether fetch would send the value as "[object Object]", or as a list without its brackets. */
function isPlain(body: unknown): boolean {
  if (Array.isArray(body)) return true;
  if (Object.prototype.toString.call(body) !== "[object Object]") return false;
  return !("pipe" in (body as object)) && !isIterable(body);
}
