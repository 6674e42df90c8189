// Tests the dashboard in Chromium. The Go test that starts this script owns the cameras and the hub. The script
// controls them by POST requests to the control address.
// node dashboard.mjs BASE_URL --control URL --cameras N --victim CAMERA [--screenshot FILE]
import { parseArgs } from 'node:util';

import { run, usage, collectFaults } from './browser.mjs';
import { WebSocketTap, untilGrows, untilStill } from './websocket-tap.mjs';
import { readTiles, untilMoving, untilState } from './tiles.mjs';

/** @typedef {import('playwright-core').Page} Page */

const { values: flags, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: {
    control: { type: 'string' }, cameras: { type: 'string' }, victim: { type: 'string' },
    screenshot: { type: 'string' },
  },
});
const { control, victim } = flags;
const cameras = Number(flags.cameras);
if (!base || !control || !victim || !(cameras > 0)) {
  usage('dashboard.mjs BASE_URL --control URL --cameras N --victim CAMERA [--screenshot FILE]');
}

const MOVING_S = 45;

/** @param {string} what */
async function post(what) {
  const answer = await fetch(new URL(what, control), { method: 'POST' });
  if (!answer.ok) throw new Error(`${what}: ${await answer.text()}`);
}

/**
 * All cameras on one WebSocket.
 * @param {Page} page
 * @param {WebSocketTap} tap
 */
async function allMove(page, tap) {
  const tiles = await untilMoving(page, cameras, { seconds: MOVING_S });
  if (tap.open !== 1 || tap.opened !== 1) {
    throw new Error(`${tap.open} WebSockets are open and ${tap.opened} were opened, want one`);
  }
  if (tap.connections.size >= 4) throw new Error(`${tap.connections.size} other connections`);
  const count = (/** @type {string} */ kind) => tiles.filter((tile) => tile.kind === kind).length;
  return { connections: tap.connections.size, canvases: count('canvas'), videos: count('video') };
}

/**
 * A hidden page receives nothing, and continues with new pictures. Headless Chromium hides no tab by itself, so the
 * script changes document.hidden and fires the event.
 * @param {Page} page
 * @param {WebSocketTap} tap
 */
async function hidden(page, tap) {
  /** @param {'hidden' | 'visible'} state */
  const setVisibility = (state) => page.evaluate((now) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => now });
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => now === 'hidden' });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
  const began = performance.now();
  await setVisibility('hidden');
  const hidden_ms = Math.round((await untilStill(page, () => tap.bytes, { still: 1500, limit: 10_000 })) - began);
  const bytes = () => tap.bytes;
  const [back_ms] = await Promise.all([untilGrows(page, bytes, 10_000), setVisibility('visible')]);
  await untilMoving(page, cameras, { seconds: MOVING_S });
  return { hidden_ms: Math.max(0, hidden_ms), back_ms };
}

/**
 * A tile that is scrolled away receives nothing, and continues at the live edge.
 * @param {Page} page
 * @param {WebSocketTap} tap
 * @param {string} id
 */
async function scrolled(page, tap, id) {
  const size = page.viewportSize() ?? { width: 1440, height: 900 };
  await page.setViewportSize({ width: 390, height: 500 }); // a phone: the tiles do not fit
  const tile = page.locator(`.tile[data-camera="${id}"]`);
  await tile.scrollIntoViewIfNeeded();
  await untilMoving(page, 1, { seconds: MOVING_S, only: (other) => other === id });
  const far = await page.evaluate((camera) => {
    const box = document.querySelector(`.tile[data-camera="${camera}"]`)?.getBoundingClientRect();
    const top = (box?.top ?? 0) + window.scrollY;
    return top > document.documentElement.scrollHeight / 2 ? 0 : document.documentElement.scrollHeight;
  }, id);
  await page.evaluate((y) => { window.scrollTo({ top: y, behavior: 'instant' }); }, far);
  const bytes = () => tap.received(id).bytes;
  await untilStill(page, bytes, { still: 1500, limit: 10_000 });
  const [back_ms] = await Promise.all([untilGrows(page, bytes, 10_000), tile.scrollIntoViewIfNeeded()]);
  await untilMoving(page, 1, { seconds: MOVING_S, only: (other) => other === id });
  const clock = (await readTiles(page)).find((t) => t.id === id)?.clock ?? null;
  const age_ms = clock === null ? null : Date.now() - clock;
  await page.setViewportSize(size);
  return { back_ms, age_ms };
}

/**
 * The agent of a camera is killed: its tile says so, and no longer marks the old picture as live.
 * @param {Page} page
 * @param {string} id
 */
async function killed(page, id) {
  await post('/kill');
  const offline_ms = await untilState(page, id, ['offline', 'stalled'], 20);
  const tile = (await readTiles(page)).find((t) => t.id === id);
  if (!tile || tile.picture === 'live') {
    throw new Error(`the tile of an offline camera looks live: ${JSON.stringify(tile)}`);
  }
  await post('/revive');
  await untilMoving(page, 1, { seconds: MOVING_S, only: (other) => other === id });
  return { offline_ms };
}

/**
 * The hub is killed and started again: the same page continues without a reload.
 * @param {Page} page
 */
async function restarted(page) {
  await page.evaluate(() => { document.documentElement.dataset.test = 'same page'; });
  await post('/stop-hub');
  const lost_ms = await (async () => {
    const began = performance.now();
    const options = { timeout: 20_000, polling: 50 };
    await page.waitForFunction(() => !document.querySelector('.tile[data-picture="live"]'), undefined, options);
    return Math.round(performance.now() - began);
  })();
  const began = performance.now();
  await post('/start-hub');
  await untilMoving(page, cameras, { seconds: MOVING_S });
  const back_ms = Math.round(performance.now() - began);
  const mark = await page.evaluate(() => document.documentElement.dataset.test);
  if (mark !== 'same page') throw new Error('the page was loaded again');
  return { lost_ms, back_ms };
}

await run('dashboard', async (browser) => {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const faults = collectFaults(page, base);
  const tap = new WebSocketTap(page);
  await tap.countConnections(page);
  await page.goto(base);
  const moving = await allMove(page, tap);
  if (flags.screenshot) await page.screenshot({ path: flags.screenshot });
  const report = {
    moving,
    hidden: await hidden(page, tap),
    scrolled: await scrolled(page, tap, victim),
    killed: await killed(page, victim),
    restarted: await restarted(page),
  };
  if (faults.length) throw new Error(`the page has faults: ${faults.join('; ')}`);
  return report;
});
