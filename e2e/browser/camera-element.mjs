// A camera in a page of another origin: <bramble-camera> and an iframe. That page's server answers with the HTML in the
// parameter body.
// node camera-element.mjs HUB_URL PAGE_URL --camera ID --expect picture|refusal
import { parseArgs } from 'node:util';

import { run, usage } from './browser.mjs';
import { readPicture, untilMoving } from './tiles.mjs';

/** @typedef {import('playwright-core').Page} Page */

const { values: flags, positionals: [hub, other] } = parseArgs({
  allowPositionals: true,
  options: { camera: { type: 'string' }, expect: { type: 'string' } },
});
const { camera, expect } = flags;
if (!hub || !other || !camera || !['picture', 'refusal'].includes(expect ?? '')) {
  usage('camera-element.mjs HUB_URL PAGE_URL --camera ID --expect picture|refusal');
}

const LIMIT_MS = 45_000;

/**
 * Opens a page of the other origin.
 * @param {Page} page
 * @param {string} body
 */
async function open(page, body) {
  page.on('console', (message) => { if (message.type() === 'error') console.error(message.text()); });
  await page.goto(`${other}/?body=${encodeURIComponent(body)}`);
}

/** @param {Page} page whose element's state is returned */
const elementState = (page) => page.$eval('bramble-camera', (el) => ({
  state: /** @type {any} */ (el).state ?? '',
  text: el.shadowRoot?.querySelector('.note span')?.textContent ?? '',
}));

/**
 * Waits until the element's picture has changed three times.
 * @param {Page} page
 */
async function elementMoves(page) {
  const media = page.locator('bramble-camera :is(canvas, video)'); // through the shadow root
  /** @type {Set<number>} */
  const clocks = new Set();
  const end = Date.now() + LIMIT_MS;
  while (clocks.size < 3) {
    if (Date.now() > end) {
      const state = JSON.stringify(await elementState(page));
      throw new Error(`the element shows ${clocks.size} pictures, and its state is ${state}`);
    }
    const { clock, contrast } = await media.count() ? await media.evaluate(readPicture) : { clock: null, contrast: 0 };
    if (clock !== null && contrast > 16) clocks.add(clock);
    await page.waitForTimeout(100);
  }
  const { state } = await elementState(page);
  if (state !== 'live') throw new Error(`the element moves, but its state is ${state}`);
  return clocks.size;
}

/**
 * An iframe of the camera with ?embed shows a picture. Without it the browser refuses the iframe.
 * @param {Page} page
 */
async function frames(page) {
  await open(page, `<iframe src="${hub}/cam/${camera}?embed" width="640" height="360"></iframe>`);
  const inside = page.frame({ url: `${hub}/cam/${camera}?embed` });
  if (!inside) throw new Error(`?embed is not shown in a frame: ${page.frames().map((f) => f.url()).join(' ')}`);
  await untilMoving(inside, 1, { seconds: LIMIT_MS / 1000 });
  const refused = page.waitForEvent('requestfailed', (request) => request.url() === `${hub}/cam/${camera}`);
  await page.evaluate((src) => {
    document.body.append(Object.assign(document.createElement('iframe'), { src }));
  }, `${hub}/cam/${camera}`);
  const why = (await refused).failure()?.errorText ?? '';
  if (!why.includes('BLOCKED_BY_RESPONSE')) throw new Error(`the page itself in a frame fails by ${why}`);
  return why;
}

await run('camera-element', async (browser) => {
  const page = await browser.newPage();
  const script = `<script type="module" src="${hub}/bramble-camera.js"></script>`;
  await open(page, `${script}<bramble-camera camera="${camera}" style="width: 320px"></bramble-camera>`);
  if (expect === 'picture') return { pictures: await elementMoves(page), frame: await frames(await browser.newPage()) };
  await page.waitForFunction(() => {
    const element = /** @type {any} */ (document.querySelector('bramble-camera'));
    return element?.state === 'trouble';
  }, undefined, { polling: 100 });
  return await elementState(page);
});
