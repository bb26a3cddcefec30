// The page that Chromium opens. It gives the runners of Node as global functions.

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
 * Makes calls to a server that never answers. Each has its own path, because a cache sends one request at a time for the
 * same path. The runner then ends this page, frame or worker.
 */
globalThis.busy = (base, count) => {
  const client = inside.createClient(base);
  for (let i = 0; i < count; i++) client.get(`/stalls/${crypto.randomUUID()}`).catch(() => {});
};
if (globalThis.document === undefined) globalThis.onmessage = ({ data }) => globalThis.busy(...data);

globalThis.ready = true;
