// Keeps the dashboard open, and prints once a minute its memory and the age of its pictures.
// node soak.mjs BASE_URL --cameras N [--minutes 30] [--hub-pid PID] [--size 1440x900]
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { run, usage, collectFaults } from './browser.mjs';
import { readTiles, untilMoving } from './tiles.mjs';

/** @typedef {import('playwright-core').Page} Page */
/**
 * @typedef {{p50: number, p95: number}} Percentiles
 * @typedef {object} Minute
 * @property {number} minute Number of the minute, from 1.
 * @property {number} heap_mb Size of the page's JavaScript heap.
 * @property {number} nodes Number of the page's DOM nodes.
 * @property {number | null} hub_rss_mb Resident memory of the hub.
 * @property {Percentiles} jpeg_ms Ages that the tiles of JPEG cameras show.
 * @property {Percentiles} h264_ms Ages that the tiles of H.264 cameras show.
 * @property {Percentiles} clock_ms Ages by the clock in the pictures.
 * @property {number} live The least number of live tiles.
 */

const { values: flags, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: {
    cameras: { type: 'string' }, minutes: { type: 'string', default: '30' }, 'hub-pid': { type: 'string' },
    size: { type: 'string', default: '1440x900' },
  },
});
const cameras = Number(flags.cameras);
const minutes = Number(flags.minutes);
const [width = 0, height = 0] = flags.size.split('x').map(Number);
if (!base || !(cameras > 0) || !(minutes > 0) || !(width > 0)) {
  usage('soak.mjs BASE_URL --cameras N [--minutes 30] [--hub-pid PID] [--size 1440x900]');
}

const SAMPLE_MS = 500;

/** @param {number[]} values */
function percentiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ p) => {
    const index = Math.min(sorted.length - 1, Math.floor(sorted.length * p));
    return Math.round(sorted[index] ?? Number.NaN);
  };
  return { p50: at(0.5), p95: at(0.95) };
}

/**
 * The ages of the pictures in milliseconds, as the tiles show them.
 * @param {Page} page
 */
function ages(page) {
  return page.$$eval('.tile', (tiles) => tiles.map((tile) => {
    const { kind = '', picture = '' } = /** @type {HTMLElement} */ (tile).dataset;
    const text = tile.querySelector('.age')?.textContent ?? '';
    const [, value = '', unit = ''] = /([\d.]+)\s*(ms|s|min)\b/.exec(text) ?? [];
    const factor = { ms: 1, s: 1000, min: 60_000 }[unit] ?? Number.NaN;
    return { kind, live: picture === 'live', ms: Number(value) * factor };
  }));
}

/** Resident memory of the hub in MB. */
function hubMemory() {
  if (!flags['hub-pid']) return null;
  const [, kb = '0'] = /VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${flags['hub-pid']}/status`, 'utf8')) ?? [];
  return Math.round(Number(kb) / 102.4) / 10;
}

/**
 * @param {Page} page
 * @param {import('playwright-core').CDPSession} cdp
 * @param {number} minute
 * @returns {Promise<Minute>}
 */
async function soakMinute(page, cdp, minute) {
  /** @type {{jpeg: number[], mp4: number[]}} */
  const shownAges = { jpeg: [], mp4: [] };
  /** @type {number[]} */
  const clocks = [];
  let live = cameras;
  const end = Date.now() + 60_000;
  for (let i = 0; Date.now() < end; i++) {
    const now = await ages(page);
    live = Math.min(live, now.filter((t) => t.live).length);
    for (const { kind, ms } of now) {
      if (!Number.isNaN(ms) && (kind === 'jpeg' || kind === 'mp4')) shownAges[kind].push(ms);
    }
    if (i % 10 === 0) { // reading the pictures costs more than what is measured
      for (const { clock } of await readTiles(page)) if (clock !== null) clocks.push(Date.now() - clock);
    }
    await page.waitForTimeout(SAMPLE_MS);
  }
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const metric = (/** @type {string} */ name) => metrics.find((m) => m.name === name)?.value ?? 0;
  return {
    minute, heap_mb: Math.round(metric('JSHeapUsedSize') / 1e4) / 100, nodes: metric('Nodes'), hub_rss_mb: hubMemory(),
    jpeg_ms: percentiles(shownAges.jpeg), h264_ms: percentiles(shownAges.mp4), clock_ms: percentiles(clocks), live,
  };
}

await run('soak', async (browser) => {
  const page = await browser.newPage({ viewport: { width, height } });
  const faults = collectFaults(page, base);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  await page.goto(base);
  await untilMoving(page, cameras, { seconds: 60 });
  /** @type {Minute[]} */
  const log = [];
  for (let minute = 1; minute <= minutes; minute++) {
    const now = await soakMinute(page, cdp, minute);
    console.error(JSON.stringify(now));
    log.push(now);
  }
  if (faults.length) throw new Error(`the page has faults: ${faults.join('; ')}`);
  return { minutes, first: log[0], last: log.at(-1) };
});
