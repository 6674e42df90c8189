// Tests the page below a path of a reverse proxy: the grid, a camera's page, a snapshot, and back.
// node path-prefix.mjs BASE_URL --cameras N --camera ID
import { parseArgs } from 'node:util';

import { run, usage, collectFaults } from './browser.mjs';
import { untilMoving } from './tiles.mjs';

const { values: flags, positionals: [base] } = parseArgs({
  allowPositionals: true, options: { cameras: { type: 'string' }, camera: { type: 'string' } },
});
const { camera } = flags;
const cameras = Number(flags.cameras);
if (!base || !camera || !(cameras > 0)) usage('path-prefix.mjs BASE_URL --cameras N --camera ID');

const LIMIT = { seconds: 45 };

await run('path-prefix', async (browser) => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const faults = collectFaults(page, base);
  page.on('request', (request) => {
    const url = request.url();
    if (/^http/.test(url) && !url.startsWith(base)) faults.push(`request outside the path: ${url}`);
  });
  /** @type {string[]} */
  const sockets = [];
  page.on('websocket', (socket) => sockets.push(socket.url()));
  await page.goto(base);
  const tiles = await untilMoving(page, cameras, LIMIT).catch((err) => {
    throw new Error(`${page.url()}: ${err.message}; ${sockets.join(' ')}; ${faults.join('; ')}`);
  });
  await page.click(`.tile[data-camera="${camera}"] a.open`);
  await page.waitForURL(`${base}/cam/${camera}`);
  await untilMoving(page, 1, LIMIT);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('.snapshot')]);
  await page.click('#back');
  await untilMoving(page, cameras, LIMIT);
  if (page.url() !== `${base}/`) throw new Error(`back leads to ${page.url()}`);
  if (faults.length) throw new Error(`the page has faults: ${faults.join('; ')}`);
  return { sockets, kinds: tiles.map(({ kind }) => kind).sort(), snapshot: download.suggestedFilename() };
});
