/** The demo page in Chromium: drawn, by keyboard, by files, by microphone; asking nobody but its own server. */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { load } from "siskin";
import { launch, packed, serve } from "./helpers/browser.js";
import { bytes, compile, DIGITS, recipe, shown, watchedDigits, WORK } from "./helpers/native.js";
import { readArrays, writeNpy } from "./helpers/npz.js";

const demo = fileURLToPath(new URL("../../demo/", import.meta.url));
const { x, y } = readArrays(join(DIGITS, "test.npz"));
const image = (i) => x.data.subarray(i * 64, i * 64 + 64);
const DRAWN = 30;
/** The first image of each digit. */
const FIRST = Array.from({ length: 10 }, (_, digit) => y.data.findIndex((label) => Number(label) === digit));
let server, browser, digits, kws;

before(async () => {
  kws = compile("kws", ...recipe("kws"));
  digits = watchedDigits();
  server = await serve({ "/": demo, "/siskin/": join(packed(), "dist"), "/digits.siskin": digits, "/digits.npz": join(DIGITS, "test.npz") });
  browser = await launch("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream");
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** Opens the page, has it used, and checks that it complained of nothing and asked nobody else. */
async function visit(use, options = {}) {
  const page = await browser.newPage(options);
  const [complaints, asked] = [[], []];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("request", (request) => asked.push(new URL(request.url()).origin));
  await page.goto(`${server.url}/index.html`);
  await page.waitForSelector("html[data-ready]");
  await use(page);
  assert.deepEqual(complaints, []);
  assert.deepEqual([...new Set(asked)], [server.url]);
  await page.close();
}

const alarm = (page) => page.textContent("#alarm");
const label = (page) => page.textContent("#label");

/** Draws the inked cells of each row as a stroke, at half the pad's size in a corner. */
async function draw(page, cells) {
  const box = await page.locator("#pad").boundingBox();
  const place = (row, column) => [box.x + 10 + ((column + 0.5) / 16) * box.width, box.y + 10 + ((row + 0.5) / 16) * box.height];
  for (let row = 0; row < 8; row++) {
    for (let from = 0; from < 8; from++) {
      if (cells[row * 8 + from] < 0.5) continue;
      let to = from;
      while (to < 7 && cells[row * 8 + to + 1] >= 0.5) to++;
      await page.mouse.move(...place(row, from));
      await page.mouse.down();
      await page.mouse.move(...place(row, to), { steps: 2 });
      await page.mouse.up();
      from = to;
    }
  }
}

test("real digits, drawn small and in a corner", async (t) => {
  await visit(async (page) => {
    await page.locator("#pad").scrollIntoViewIfNeeded();
    let right = 0;
    for (let i = 0; i < DRAWN; i++) {
      await page.click("#clear");
      assert.equal(await label(page), "–");
      await draw(page, image(i));
      right += Number((await label(page)) === String(y.data[i]));
    }
    // Cells drawn as lines are coarser than scans.
    t.diagnostic(`${right} of ${DRAWN}`);
    assert.ok(right >= 0.8 * DRAWN, `${right} of ${DRAWN}`);
  });
});

test("by keyboard alone", async () => {
  await visit(async (page) => {
    const reach = async (wanted) => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        if (await page.evaluate((wanted) => document.activeElement.matches(wanted), wanted)) return;
      }
      assert.fail(`Tab does not reach ${wanted}`);
    };
    await reach("#model-file");
    await reach("#clear");
    await page.keyboard.press("Enter");
    await reach("[role=gridcell]");
    const cells = image(FIRST[0]);
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowUp");
    for (let row = 0; row < 8; row++) {
      await page.keyboard.press("Home");
      for (let column = 0; column < 8; column++) {
        if (cells[row * 8 + column] >= 0.5) await page.keyboard.press("Space");
        await page.keyboard.press("ArrowRight");
      }
      await page.keyboard.press("ArrowDown");
    }
    assert.equal(await label(page), "0");
    await page.waitForFunction(() => /^0, \d/.test(document.getElementById("spoken").textContent));
    await reach("#samples button:nth-child(8)");
    await page.keyboard.press("Enter");
    assert.equal(await label(page), "7");
    assert.match(await alarm(page), /^2 observed/, "the drawing when it was left, and the scan");
    await reach("#why");
    for (let i = 0; i < 3; i++) await page.keyboard.press("Space");
    const named = await page.locator("#cells [aria-label*=' the answer: ']").evaluateAll((all) => all.map((cell) => cell.ariaLabel));
    assert.ok(named.length > 0 && named.every((name) => / ink, (for|against) the answer: \d+ %$/.test(name)), "what is shown again is named once");
    assert.match(await page.textContent("#why-hint"), /^Orange ink carries the answer/);
    await reach("#play");
    await page.keyboard.press("Enter");
    await reach("#shift");
    for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowRight");
    assert.equal(await page.textContent("#shifted"), "+30 %");
    await page.waitForSelector("#alarm.stands");
    await reach("#take-back");
    await page.keyboard.press("Enter");
    assert.match(await alarm(page), /observed, no alarm\.$/);
    await reach("#export");
    await reach("#data-file");
    await reach("#steady");
    await reach(".scroll");
  });
});

test("files: values, a model for sound, a .wav, the microphone", async () => {
  mkdirSync(WORK, { recursive: true });
  const npy = join(WORK, "five.npy");
  writeNpy(npy, Float32Array.from(image(FIRST[5])), [1, 1, 8, 8]);
  const wav = join(WORK, "tone.wav");
  const samples = Float32Array.from({ length: 44100 }, (_, n) => Math.round(12000 * Math.sin(n / 9) + 8000 * Math.sin(n / 3.1)) / 32768);
  writeFileSync(wav, wavOf(samples, 44100));
  const heard = (await load(bytes(kws))).runAudio({ samples, sampleRate: 44100 });
  await visit(async (page) => {
    await page.setInputFiles("#data-file", npy);
    await page.waitForFunction(() => document.getElementById("label").textContent === "5");
    await page.setInputFiles("#data-file", wav);
    await page.waitForFunction(() => /tone\.wav is sound/.test(document.getElementById("problem").textContent));

    await page.setInputFiles("#model-file", kws);
    await page.waitForSelector("#speaking:not([hidden])");
    assert.equal(await page.isVisible("#watch"), false, "this one has no monitor");
    assert.equal(await page.isVisible("#drawing"), false);
    await page.setInputFiles("#data-file", wav);
    await page.waitForFunction((label) => document.getElementById("label").textContent === label, `class ${heard.index}`);
    assert.equal(await page.textContent("#confidence"), `${(heard.confidence * 100).toFixed(1)} %`);

    const before = await page.getAttribute("#wave path", "d");
    await page.click("#record");
    await page.waitForFunction((before) => document.getElementById("record").textContent === "Record" && document.querySelector("#wave path").getAttribute("d") !== before, before);
    assert.match(await label(page), /^class \d+$/);
    assert.equal(await page.isVisible("#problem"), false);

    await page.setInputFiles("#model-file", npy);
    await page.waitForSelector("#problem:not([hidden])");
    await page.click("#bundled");
    await page.waitForSelector("#drawing:not([hidden])");
  });
});

test("what is no model is refused in a sentence, and the old one stays", async () => {
  const broken = join(WORK, "broken.siskin");
  writeFileSync(broken, "not a model");
  await visit(async (page) => {
    await page.setInputFiles("#model-file", broken);
    await page.waitForFunction(() => /not a|no \.siskin/i.test(document.getElementById("problem").textContent));
    assert.match(await page.textContent("#model-line"), /^digits: /);
    await page.click("#samples button:nth-child(2)");
    assert.equal(await label(page), "1");
  });
});

test("a stream is played until its shift raises an alarm; the report is one that the command line reads", async (t) => {
  await visit(async (page) => {
    assert.match(await alarm(page), /^Nothing observed yet/, "what the page shows by itself is no input");
    await page.click("#play");
    await page.waitForFunction(() => parseInt(document.getElementById("alarm").textContent) >= 20);
    assert.match(await alarm(page), /observed, no alarm\.$/);
    await page.locator("#shift").fill("30");
    await page.waitForSelector("#alarm.stands");
    const [, run, since, named] = /^Alarm at input (\d+), (\d+) after the light was shifted: (.+)\.$/.exec(await alarm(page));
    t.diagnostic(await alarm(page));
    assert.ok(Number(since) < 40 && Number(run) > 20);
    assert.deepEqual(await page.locator("#features .named").allTextContents(), named.split(", "));
    assert.equal(await page.textContent("#play"), "Play scanned digits", "the alarm ends the stream");
    assert.equal(await page.locator("#confidences path").count() > 1 && (await page.locator("#evidence path").count()) > 1, true);

    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
    const report = join(WORK, "exported.rep");
    await download.saveAs(report);
    assert.equal(download.suggestedFilename(), "digits.rep");
    const told = shown(report, digits);
    assert.deepEqual([told.n, told.alarms, told.alarmed], [Number(run), 1, 1]);

    await page.click("#start-over");
    assert.match(await alarm(page), /^Nothing observed yet/);
  });
});

test("a stroke is one input, and an explanation is none", async () => {
  await visit(async (page) => {
    await page.check("#why");
    await page.locator("#pad").scrollIntoViewIfNeeded();
    const { x, y, width, height } = await page.locator("#pad").boundingBox();
    await page.mouse.move(x + width / 2, y + height / 5);
    await page.mouse.down();
    await page.mouse.move(x + width / 2, y + (4 * height) / 5, { steps: 9 });
    assert.match(await alarm(page), /^Nothing observed yet/, "the pen is down");
    await page.mouse.up();
    assert.match(await alarm(page), /^1 observed/);
    const [, runs] = /: (\d+) runs, each without one piece of it \(at most 256\)/.exec(await page.textContent("#why-hint"));
    assert.ok(Number(runs) >= 8 && Number(runs) <= 64);
    const cells = await page.locator("#cells.marked [role=gridcell]").evaluateAll((all) => all.map((cell) => Number(cell.style.getPropertyValue("--for"))));
    assert.equal(Math.max(...cells), 1);
    assert.ok((await page.locator("#cells [aria-label*='for the answer: 100 %']").count()) > 0);
  });
});

test("nothing is wider than a phone", async () => {
  for (const width of [360, 390, 1280]) {
    await visit(async (page) => {
      const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.equal(wide, shown, `at ${width}`);
      assert.ok((await page.locator("#steps tr").count()) > 5);
      assert.match(await page.textContent("#median"), /[µm]s$/);
    }, { viewport: { width, height: 800 } });
  }
});

/** 16-bit PCM. */
function wavOf(samples, rate) {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.length * 2, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples.length * 2, 40);
  return Buffer.concat([head, Buffer.from(Int16Array.from(samples, (v) => v * 32768).buffer)]);
}
