/** A server, the packed package, and Debian's Chromium under a strict policy. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { WORK } from "./native.js";

export const POLICY = "default-src 'self'; img-src 'self' blob:; script-src 'self' 'wasm-unsafe-eval'";

const PAGE = "<!doctype html><html><head><title>a page</title></head><body><script type=module src=main.js></script></body></html>";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".css": "text/css", ".svg": "image/svg+xml" };

/** The package as npm publishes it, unpacked; returns its directory. */
export function packed() {
  const to = join(WORK, "packed");
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", to], { cwd: root, stdio: ["ignore", "pipe", "ignore"] }));
  execFileSync("tar", ["-xzf", join(to, filename), "-C", to]);
  return join(to, "package");
}

/**
 * Serves directories by prefix: `{ "/pkg/": dir }`. What is not there is answered with a page, as servers of
 * single-page apps do.
 */
export async function serve(dirs, { policy = POLICY, types = TYPES } = {}) {
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    const prefix = Object.keys(dirs).filter((p) => path.startsWith(p)).sort((a, b) => b.length - a.length)[0];
    let [body, type] = [PAGE, "text/html"];
    try {
      if (prefix && path !== "/") [body, type] = [readFileSync(join(dirs[prefix], path.slice(prefix.length))), types[extname(path)] ?? "application/octet-stream"];
    } catch {
      // The page it is.
    }
    response.writeHead(200, { "content-type": type, "content-security-policy": policy, "content-length": Buffer.byteLength(body) });
    response.end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Chromium with a fresh profile, which goes with it, and more flags. */
export function launch(...flags) {
  const quiet = ["disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync"];
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    chromiumSandbox: false,
    args: [...quiet, ...flags].map((flag) => `--${flag}`),
  });
}

/** A page at this address, its `main.js` done; what it complains of fails the test. */
export async function open(browser, url) {
  const page = await browser.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(url);
  await page.waitForFunction(() => "ready" in window, undefined, { timeout: 60_000 }).catch((error) => {
    throw new Error(`${url} is not ready: ${complaints.join("; ") || error.message}`);
  });
  return { page, complaints };
}
