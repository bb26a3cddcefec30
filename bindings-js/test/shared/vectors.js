// Plays the shared vectors through the package's own boundary, in Node and in a page. It checks only what a file names.

/** Unix milliseconds at `at` 0, unless the vector says otherwise. */
const WALL = 1_767_225_600_000;

/** Plays one vector. Throws an Error with the step, the expected and the actual value. */
export function playVector({ Core, Rejected, word }, vector) {
  const policy = typeof vector.policy === "string" ? vector.policy : JSON.stringify(vector.policy);
  const core = Core.open(policy, vector.lenient === true);
  if (vector.issues !== undefined) {
    const texts = core instanceof Rejected ? core.issues.map((issue) => issue.text) : [];
    return within(texts, vector.issues, "issues");
  }
  if (core instanceof Rejected) throw new Error(`the policy was refused: ${core.issues.map((issue) => issue.text)}`);
  core.seed(vector.seed ?? 1);
  core.subscribe(vector.subscribe ?? 0);
  if (vector.settings !== undefined) within(JSON.parse(core.settings()), vector.settings, "settings");
  const player = new Player(core, word, vector.wall ?? WALL);
  player.play(vector.steps ?? [], 0, 0);
  if (vector.events !== undefined) same(JSON.parse(core.events()).events, vector.events, "events");
  if (vector.crossings !== undefined) same(player.crossings, vector.crossings, "crossings");
}

/** Plays one URL vector. */
export function playUrl(inside, vector) {
  const { Core, encodeForm, template, resolve, UrlMistake } = inside;
  if (vector.form !== undefined) return same(encodeForm(vector.form), vector.body, "body");
  if (vector.key !== undefined) {
    const text = Core.headerKey(vector.key, vector.quoted);
    return same(text === "" ? "misuse" : text, vector.error ?? vector.header, "header");
  }
  let url;
  try {
    url = resolve(vector.base, template(vector.path), vector.params, vector.query);
  } catch (error) {
    if (!(error instanceof UrlMistake)) throw error;
    return same("misuse", vector.error, `error (${error.message})`);
  }
  same(url, vector.url, "url");
}

class Player {
  crossings = 0;

  constructor(core, word, wall) {
    this.core = core;
    this.word = word;
    this.wall = wall;
  }

  /** Plays a step. `base` and `ids`: added to times and call ids in a repetition. */
  play(steps, base, ids) {
    steps.forEach((step, index) => {
      try {
        this.step(step, base, ids);
      } catch (error) {
        throw new Error(`step ${index}: ${error.message}`);
      }
    });
  }

  step(step, base, ids) {
    if (step.times !== undefined) {
      for (let i = 0; i < step.times; i++) {
        this.play(step.steps, base + i * (step.every ?? 0), ids + i * (step.ids ?? 1));
      }
      return;
    }
    const at = base + (step.at ?? 0);
    if (step.wakes !== undefined) return this.wakes(step.wakes, ids);
    if (step.snapshot !== undefined) return within(JSON.parse(this.core.snapshot(at)), step.snapshot, "snapshot");
    this.crossings++;
    if (step.report !== undefined) return within(JSON.parse(this.core.report(step.report + ids)), step.is, "report");
    same(this.word.text(this.input(step, at, ids)), step.is, "word");
  }

  wakes(expected, ids) {
    const woken = [];
    for (;;) {
      this.crossings++;
      const id = this.word.arg(this.core.wake());
      if (id === 0) break;
      woken.push(id - 1 - ids);
    }
    same(woken, expected, "wakes");
  }

  input(step, at, ids) {
    const { core, word } = this;
    const cause = word.CAUSES.indexOf(step.cause ?? "none") * word.CAUSE;
    const fault = word.FAULTS.indexOf(step.as) + cause;
    if (step.begin !== undefined) return this.begin(step, at, ids);
    if (step.respond !== undefined) {
      const call = step.respond + ids;
      const { headers, body, by } = step;
      const from = by === undefined ? 0 : word.REDIRECTED + core.scope(...by) * 65536;
      if (headers === undefined && body === undefined && from === 0) return core.respond(call, at, step.status);
      const lines = bytes(hintLines(headers ?? {}));
      return core.respondWith(call, at, this.wall + at, step.status + from, lines, bytes(body ?? ""));
    }
    if (step.fault !== undefined) return core.fault(step.fault + ids, at, fault < 0 ? 99 : fault);
    if (step.resume !== undefined) return core.resume(step.resume + ids, at);
    if (step.abandon !== undefined) return core.abandon(step.abandon + ids, at);
    if (step.token !== undefined) return core.token(at, step.token, step.expires ?? 0);
    if (step.tokenFailed !== undefined)
      return core.tokenFailed(at, step.tokenFailed, fault < 0 ? 99 : fault, step.after ?? 0);
    if (step.online !== undefined) return core.online(at);
    if (step.free !== undefined) return core.free(at, core.scope(...step.free));
    if (step.renew !== undefined) return core.renew(at, core.scope(...step.renew));
    if (step.reset !== undefined) return core.reset(at, core.scope(...step.reset));
    if (step.close !== undefined) return core.close(at);
    throw new Error(`no such step: ${JSON.stringify(step)}`);
  }

  begin(step, at, ids) {
    const { core, word } = this;
    const method = step.method ?? step.route?.split(" ")[0] ?? "GET";
    let what = word.methodCode(method) + (step.size ?? 0) * 65536;
    for (const flag of step.flags ?? ["REPEATABLE"]) what += word.CALL_FLAGS[flag];
    const scope = step.scope === undefined ? 0 : core.scope(step.scope[0], step.scope[1]);
    const route = step.route === undefined ? 0 : core.route(step.route);
    return core.begin(step.begin + ids, at, route, scope, what, step.deadline ?? 0);
  }
}

function hintLines(headers) {
  let lines = "";
  for (const [name, value] of Object.entries(headers)) for (const each of [value].flat()) lines += `${name}: ${each}\n`;
  return lines;
}

function bytes(text) {
  return new TextEncoder().encode(text);
}

function same(found, asked, place) {
  const [left, right] = [canonical(found), canonical(asked)];
  if (left !== right) throw new Error(`${place}: got ${left}, expected ${right}`);
}

/** Reports whether `found` has everything that `asked` names. Arrays must have equal lengths. */
function within(found, asked, place) {
  if (Array.isArray(asked) && Array.isArray(found) && found.length === asked.length) {
    for (const [index, item] of asked.entries()) within(found[index], item, `${place}[${index}]`);
  } else if (isObject(asked) && isObject(found)) {
    for (const [key, value] of Object.entries(asked)) within(found[key], value, `${place}.${key}`);
  } else same(found, asked, place);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "nothing";
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join()}}`;
}
