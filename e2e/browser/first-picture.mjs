// Opens the page again and again and prints how long it took from navigation until the first tile showed a picture, and
// until all did.
// node first-picture.mjs BASE_URL --cameras N [--times 5]
import { parseArgs } from 'node:util';

import { run, usage } from './browser.mjs';

const { values: flags, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: { cameras: { type: 'string' }, times: { type: 'string', default: '5' } },
});
const cameras = Number(flags.cameras);
const times = Number(flags.times);
if (!base || !(cameras > 0) || !(times > 0)) usage('first-picture.mjs BASE_URL --cameras N [--times 5]');

await run('first-picture', async (browser) => {
  /** @type {{first_ms: number, all_ms: number, bytes: number}[]} */
  const paints = [];
  for (let i = 0; i < times; i++) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } }); // without a cache
    const page = await context.newPage();
    await page.goto(base, { waitUntil: 'commit' });
    paints.push(await page.evaluate(async (wanted) => {
      let first = 0;
      for (;;) {
        const live = document.querySelectorAll('.tile[data-picture="live"]').length;
        if (live > 0 && first === 0) first = performance.now();
        if (live >= wanted) break;
        if (performance.now() > 30_000) throw new Error(`${live} of ${wanted} tiles show a picture after 30 s`);
        await new Promise((resolve) => { requestAnimationFrame(resolve); });
      }
      const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType('resource'));
      const assets = entries.filter((entry) => entry.name.includes('/assets/'));
      const bytes = assets.reduce((sum, entry) => sum + entry.decodedBodySize, 0);
      return { first_ms: Math.round(first), all_ms: Math.round(performance.now()), bytes };
    }, cameras));
    await context.close();
  }
  const sorted = paints.map((p) => p.first_ms).sort((a, b) => a - b);
  return { median_first_ms: sorted[sorted.length >> 1], paints };
});
