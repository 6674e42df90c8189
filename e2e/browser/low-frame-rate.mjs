// Tests a camera of one frame a second: the picture on the screen is the newest one, not the one before.
// node low-frame-rate.mjs BASE_URL --camera ID [--frames 10]
import { parseArgs } from 'node:util';

import { run, usage, collectFaults } from './browser.mjs';
import { WebSocketTap } from './websocket-tap.mjs';
import { readTiles, untilMoving } from './tiles.mjs';

const { values: flags, positionals: [base] } = parseArgs({
  allowPositionals: true, options: { camera: { type: 'string' }, frames: { type: 'string', default: '10' } },
});
const { camera } = flags;
const wanted = Number(flags.frames);
if (!base || !camera || !(wanted > 0)) usage('low-frame-rate.mjs BASE_URL --camera ID [--frames 10]');

await run('low-frame-rate', async (browser) => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const faults = collectFaults(page, base);
  const tap = new WebSocketTap(page);
  await page.goto(base);
  await untilMoving(page, 1, { seconds: 45, changes: 1 });
  const from = tap.received(camera).frames;
  /** @type {Map<number, number>} how long after its arrival a picture was seen while it was the newest, by its clock */
  const seen = new Map();
  while (tap.received(camera).frames < from + wanted) {
    const newest = tap.received(camera);
    const [tile] = await readTiles(page);
    const came = tap.received(camera);
    // One that has come meanwhile may be on the screen or not.
    if (tile?.clock === newest.captured || tile?.clock === came.captured) {
      const { captured, last } = tile.clock === came.captured ? came : newest;
      if (!seen.has(captured)) seen.set(captured, Math.round(performance.now() - last));
    }
    await page.waitForTimeout(5);
  }
  if (faults.length) throw new Error(`the page has faults: ${faults.join('; ')}`);
  return { received: wanted, seen: seen.size, within_ms: [...seen.values()].sort((a, b) => a - b) };
});
