// Checks of option names. An unknown option is refused, since ignoring it would send another request than was meant.
// The tables map other libraries' names to ours; tests/aliases.json is the list of all languages.

const CALL = "path query headers json form body deadline idempotencyKey raise signal";
const COMMON = "baseUrl fetch log unknownKeys clock";
const SENDS = "the fetch option of createClient";
const RETRY = "retry in the policy";
const TIMES = "timeouts in the policy";

/** Our options of a call, by the names of other libraries. */
const MEANT: Readonly<Record<string, string>> = {
  params: "query",
  searchParams: "query",
  search_params: "query",
  qs: "query",
  args: "query",
  data: "form or json",
  payload: "json",
  formData: "form",
  files: "form",
  timeout: "deadline",
  timeouts: "deadline",
  pathParams: "path",
  header: "headers",
  key: "idempotencyKey",
  throwHttpErrors: "raise",
  validateStatus: "raise",
  ignoreResponseError: "raise",
  cancelToken: "signal",
  auth: "credentials of createClient",
  credentials: "credentials of createClient",
  token: "credentials of createClient",
  baseURL: "baseUrl of createClient",
  prefixUrl: "baseUrl of createClient",
  method: "stream(method, path)",
  responseType: ".json(), .text() or .bytes() of the call",
  retry: RETRY,
  retries: RETRY,
  maxRetries: RETRY,
  agent: SENDS,
  dispatcher: SENDS,
  redirect: SENDS,
};

/** Our options of a client or drop-in, by the names of other libraries. */
const MEANT_ONCE: Readonly<Record<string, string>> = {
  baseURL: "baseUrl",
  prefixUrl: "baseUrl",
  base_url: "baseUrl",
  auth: "credentials",
  token: "credentials",
  apiKey: "credentials",
  headers: "headers in the policy",
  params: "query in the policy",
  query: "query in the policy",
  searchParams: "query in the policy",
  timeout: TIMES,
  timeouts: TIMES,
  retry: RETRY,
  retries: RETRY,
  maxRetries: RETRY,
  logger: "log",
  agent: "fetch",
  dispatcher: "fetch",
};

const OF_CALLS: ReadonlySet<string> = new Set(CALL.split(" "));

/** Returns the text for an unknown option of a call; null = all are known. */
export function unknownOption(options: object): string | null {
  for (const name in options) {
    if (!OF_CALLS.has(name)) return text(name, MEANT, OF_CALLS);
  }
  return null;
}

/** Throws for an option that is neither common nor in `more`, a list of names separated by spaces. */
export function checkOptions(options: object, more: string): void {
  const known = new Set(`${COMMON} ${more}`.split(" "));
  for (const name in options) if (!known.has(name)) throw new TypeError(text(name, MEANT_ONCE, known));
}

function text(name: string, meant: Readonly<Record<string, string>>, known: ReadonlySet<string>): string {
  const other = Object.hasOwn(meant, name) ? `did you mean ${meant[name]}?` : `there are ${[...known].join(", ")}`;
  return `${name}: unknown option; ${other}`;
}
