// The page that Chromium opens: what the Node runners do, behind two functions.

import * as inside from "../../.build/internal.js";
import { playScenarios } from "./scenarios.js";
import { told, torture } from "./torture.js";
import { playTraces } from "./traces.js";
import { playUrl, playVector } from "./vectors.js";
import { overXhr } from "./xhr.js";

globalThis.overXhr = overXhr;

globalThis.playVectors = ({ core, url }) => {
  const failures = [];
  const run = (list, play) => {
    let passed = 0;
    for (const [file, vector] of list) {
      try {
        play(inside, vector);
        passed++;
      } catch (error) {
        failures.push(`${file}: ${error.message}`);
      }
    }
    return passed;
  };
  return { core: run(core, playVector), url: run(url, playUrl), failures };
};

globalThis.playTraces = async (path) => {
  const response = await fetch(path);
  return playTraces(inside, new Uint8Array(await response.arrayBuffer()));
};

globalThis.play = (address, only) => playScenarios(inside, address, "chromium", only);
globalThis.torture = async (scenarios, only) => {
  const result = await torture(inside, scenarios, only);
  return { lines: told(result, "chromium"), failed: result.failures.length > 0 || result.passed === 0 };
};

/**
 * Calls to a server that never answers, each to a path of its own (a cache lets one at a time ask for the same). Whoever
 * asked for them tears this page, frame or worker down.
 */
globalThis.busy = (base, count) => {
  const client = inside.createClient(base);
  for (let i = 0; i < count; i++) client.get(`/stalls/${crypto.randomUUID()}`).catch(() => {});
};
if (globalThis.document === undefined) globalThis.onmessage = ({ data }) => globalThis.busy(...data);

globalThis.ready = true;
