// Opens the grid and waits until its tiles are live and their pictures really move.
// node grid.mjs BASE_URL --cameras N [--screenshot FILE] [--size 1440x900] [--timeout SECONDS] [--no-video]
//   [--user NAME --password TEXT]
import { parseArgs } from 'node:util';

import { run, usage, collectFaults } from './browser.mjs';
import { untilMoving } from './tiles.mjs';

const { values: flags, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: {
    cameras: { type: 'string' },
    screenshot: { type: 'string' },
    size: { type: 'string', default: '1440x900' },
    timeout: { type: 'string', default: '30' },
    'no-video': { type: 'boolean', default: false },
    user: { type: 'string' },
    password: { type: 'string', default: '' },
  },
});
const wanted = Number(flags.cameras);
const [width = 0, height = 0] = flags.size.split('x').map(Number);
if (!base || !(wanted > 0) || !(width > 0) || !(height > 0)) {
  usage('grid.mjs BASE_URL --cameras N [--screenshot FILE] [--size 1440x900] [--timeout SECONDS] [--no-video]');
}

await run('grid', async (browser) => {
  const page = await browser.newPage({ viewport: { width, height } });
  // As a browser without Media Source Extensions.
  if (flags['no-video']) await page.addInitScript('delete window.MediaSource; delete window.ManagedMediaSource;');
  const faults = collectFaults(page, base);
  const began = Date.now();
  await page.goto(base);
  if (flags.user) {
    await page.fill('#user', flags.user);
    await page.fill('#password', flags.password);
    await page.press('#password', 'Enter');
  }
  const tiles = await untilMoving(page, wanted, { seconds: Number(flags.timeout) });
  const elapsed_ms = Date.now() - began;
  if (flags.screenshot) await page.screenshot({ path: flags.screenshot });
  if (faults.length) throw new Error(`the page has faults: ${faults.join('; ')}`);
  return { elapsed_ms, cameras: tiles.map(({ digest: _, ...rest }) => rest) };
});
