// Tests the page of a camera: its formats, a snapshot, a clip of five seconds.
// node camera-page.mjs BASE_URL --camera ID (H.264) --clip FILE
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { run, usage, collectFaults } from './browser.mjs';
import { untilMoving } from './tiles.mjs';

/** @typedef {import('playwright-core').Page} Page */

const { values: flags, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: { camera: { type: 'string' }, clip: { type: 'string' } },
});
const { camera, clip } = flags;
if (!base || !camera || !clip) usage('camera-page.mjs BASE_URL --camera ID --clip FILE');

const LIMIT = { seconds: 45 };

/**
 * Chooses a format, and waits for pictures in it.
 * @param {Page} page
 * @param {'auto' | 'jpeg' | 'mp4'} format
 * @param {'canvas' | 'video'} kind
 */
async function choose(page, format, kind) {
  await page.selectOption('.format', format);
  await page.waitForFunction((wanted) => {
    const players = [...document.querySelectorAll('.picture > *')];
    return players.every((el) => el.localName === wanted);
  }, kind, { polling: 100 });
  const [tile] = await untilMoving(page, 1, LIMIT);
  if (tile?.kind !== kind) throw new Error(`${format} is shown as ${tile?.kind}`);
  return tile.kind;
}

/** @param {Page} page */
async function formats(page) {
  return [
    await choose(page, 'auto', 'video'), await choose(page, 'jpeg', 'canvas'), await choose(page, 'mp4', 'video'),
  ];
}

/** @param {Page} page */
async function snapshot(page) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('.snapshot')]);
  const bytes = readFileSync(await download.path());
  if (bytes.readUInt16BE(0) !== 0xffd8) throw new Error(`${download.suggestedFilename()} is no JPEG`);
  return bytes.length;
}

/**
 * @param {Page} page
 * @param {string} to a file
 */
async function record(page, to) {
  await page.selectOption('.clip-length', '5');
  const [download] = await Promise.all([
    page.waitForEvent('download', { timeout: 60_000 }),
    page.click('.clip-start').then(() => page.waitForFunction(() => {
      const bar = document.querySelector('.clip-bar');
      const cancel = document.querySelector('.clip-cancel');
      return bar instanceof HTMLProgressElement && bar.checkVisibility() && bar.value > 0 && cancel?.checkVisibility();
    }, undefined, { polling: 100 })),
  ]);
  await download.saveAs(to);
  const name = download.suggestedFilename();
  await page.waitForFunction((file) => {
    const text = document.querySelector('.clip-status')?.textContent ?? '';
    return text.startsWith(`Saved ${file}`);
  }, name);
  return name;
}

await run('camera-page', async (browser) => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const faults = collectFaults(page, base);
  await page.goto(new URL(`/cam/${camera}`, base).href);
  const kinds = await formats(page);
  const report = { kinds, snapshot_bytes: await snapshot(page), clip: await record(page, clip) };
  if (faults.length) throw new Error(`the page has faults: ${faults.join('; ')}`);
  return report;
});
