import * as inlined from "/pkg/dist/index.js";
import * as url from "/pkg/dist/url.js";
import * as worker from "/pkg/dist/worker.js";

Object.assign(window, { siskin: { inlined, url, worker }, ready: true });
