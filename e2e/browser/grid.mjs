// Opens the grid and waits until its tiles are live and their pictures really move.
// node grid.mjs BASE_URL --cameras N [--screenshot FILE] [--size 1440x900] [--timeout SECONDS]
import { parseArgs } from 'node:util';

import { run, usage, watchFaults } from './browser.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {{id: string, state: string, picture: string, kind: string, print: number, contrast: number}} Look one look at a tile */

const { values: flags, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: {
    cameras: { type: 'string' },
    screenshot: { type: 'string' },
    size: { type: 'string', default: '1440x900' },
    timeout: { type: 'string', default: '30' },
  },
});
const wanted = Number(flags.cameras);
const [width = 0, height = 0] = flags.size.split('x').map(Number);
if (!base || !(wanted > 0) || !(width > 0) || !(height > 0)) {
  usage('grid.mjs BASE_URL --cameras N [--screenshot FILE] [--size 1440x900] [--timeout SECONDS]');
}

const LOOK_MS = 400;
const CHANGES = 3;

/**
 * Looks at every tile. The picture alone is read, not the tile: its texts change even when the camera is frozen.
 * @param {Page} page
 * @returns {Promise<Look[]>}
 */
function look(page) {
  return page.$$eval('.tile', (tiles) => tiles.map((tile) => {
    const { camera = '', state = '', picture = '' } = /** @type {HTMLElement} */ (tile).dataset;
    const media = tile.querySelector('.picture > canvas, .picture > video');
    const canvas = new OffscreenCanvas(128, 72);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const drawable = media instanceof HTMLVideoElement ? media.readyState >= 2 : media instanceof HTMLCanvasElement && media.width > 1;
    let print = 0;
    let [darkest, brightest] = [255, 0];
    if (context && drawable) {
      context.imageSmoothingQuality = 'high';
      context.drawImage(/** @type {HTMLCanvasElement | HTMLVideoElement} */ (media), 0, 0, canvas.width, canvas.height);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < data.length; i += 4) {
        const green = data[i + 1] ?? 0;
        print = (print * 31 + green) | 0;
        darkest = Math.min(darkest, green);
        brightest = Math.max(brightest, green);
      }
    }
    return { id: camera, state, picture, kind: media?.localName ?? 'none', print, contrast: Math.max(0, brightest - darkest) };
  }));
}

/**
 * Looks until enough tiles were live and changed often enough.
 * @param {Page} page
 */
async function watch(page) {
  /** @type {Map<string, Look & {changes: number}>} */
  const seen = new Map();
  const end = Date.now() + Number(flags.timeout) * 1000;
  while (Date.now() < end) {
    for (const now of await look(page)) {
      const before = seen.get(now.id);
      const moved = before !== undefined && before.print !== 0 && now.print !== 0 && before.print !== now.print;
      seen.set(now.id, { ...now, changes: (before?.changes ?? 0) + (moved ? 1 : 0) });
    }
    const tiles = [...seen.values()];
    const moving = tiles.filter((t) => t.state === 'live' && t.picture === 'live' && t.contrast > 16 && t.changes >= CHANGES);
    if (moving.length >= wanted) return tiles;
    await page.waitForTimeout(LOOK_MS);
  }
  throw new Error(`fewer than ${wanted} tiles became live and moved within ${flags.timeout} s: ${JSON.stringify([...seen.values()])}`);
}

await run('grid', async (browser) => {
  const page = await browser.newPage({ viewport: { width, height } });
  const faults = watchFaults(page, base);
  const began = Date.now();
  await page.goto(base);
  const tiles = await watch(page);
  const elapsed_ms = Date.now() - began;
  if (flags.screenshot) await page.screenshot({ path: flags.screenshot });
  if (faults.length) throw new Error(`the page has faults: ${faults.join('; ')}`);
  return { elapsed_ms, cameras: tiles.map(({ print: _, ...rest }) => rest) };
});
