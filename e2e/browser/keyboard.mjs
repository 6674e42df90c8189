// Tests the page with the keyboard alone. The cameras are lab-1 to lab-4 and yard-1 and yard-2.
// node keyboard.mjs BASE_URL
import { readFileSync } from 'node:fs';

import { run, usage, collectFaults } from './browser.mjs';
import { tabThrough } from './focus.mjs';
import { untilMoving } from './tiles.mjs';

/** @typedef {import('playwright-core').Page} Page */

const [base] = process.argv.slice(2);
if (!base) usage('keyboard.mjs BASE_URL');

const LABS = ['lab-1', 'lab-2', 'lab-3', 'lab-4'];
const ALL = [...LABS, 'yard-1', 'yard-2'];
const LIMIT = { seconds: 45, changes: 1 };

/** @param {Page} page the tiles in their order */
const order = (page) => page.$$eval('.tile', (tiles) => tiles.map((tile) => tile.getAttribute('data-camera') ?? ''));

/** @param {Page} page the camera whose tile has the focus, or the id of the element that has it */
const focused = (page) => page.evaluate(() => {
  const el = document.activeElement;
  return el?.closest('.tile')?.getAttribute('data-camera') ?? el?.id ?? '';
});

/** @param {Page} page */
const columns = (page) => page.$$eval('.tile', (tiles) => {
  const tops = tiles.map((tile) => tile.getBoundingClientRect().top);
  return tops.filter((top) => top === tops[0]).length;
});

/**
 * @param {string} what
 * @param {unknown} got
 * @param {unknown} want
 */
function assertEqual(what, got, want) {
  const [gotText, wantText] = [JSON.stringify(got), JSON.stringify(want)];
  if (gotText !== wantText) throw new Error(`${what}: ${gotText}, want ${wantText}`);
}

/** @param {Page} page */
async function arrows(page) {
  const wide = await columns(page);
  if (wide < 2 || wide >= ALL.length) throw new Error(`${wide} columns: nothing to go down to`);
  /** @type {[string, number][]} */
  const moves = [
    ['ArrowRight', 0], ['ArrowRight', 1], ['ArrowDown', 1 + wide], ['ArrowLeft', wide], ['ArrowUp', 0],
    ['End', ALL.length - 1], ['Home', 0],
  ];
  for (const [key, at] of moves) {
    await page.keyboard.press(key);
    assertEqual(key, await focused(page), ALL[at]);
  }
}

/** @param {Page} page */
async function help(page) {
  await page.keyboard.press('?');
  await page.waitForSelector('#help-dialog[open]');
  const dialog = await page.evaluate(() => document.activeElement?.closest('dialog')?.id);
  assertEqual('the dialog that has the focus while the help is open', dialog, 'help-dialog');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#help-dialog:not([open])', { state: 'attached' });
}

/** @param {Page} page */
async function search(page) {
  await page.keyboard.press('/');
  assertEqual('/', await focused(page), 'search');
  await page.keyboard.type('yard s');
  assertEqual('tiles while nothing is found', await order(page), []);
  await page.keyboard.press('Backspace');
  await page.keyboard.press('Backspace');
  assertEqual('tiles found', await order(page), ['yard-1', 'yard-2']);
  await page.keyboard.press('Escape');
  assertEqual('tiles after the search', await order(page), ALL);
}

/**
 * @param {Page} page
 * @param {string} camera whose tile has the focus, or whose page it is
 */
async function snapshot(page, camera) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('s')]);
  const name = download.suggestedFilename();
  const pattern = new RegExp(`^${camera}-\\d{8}-\\d{6}\\.jpeg$`);
  if (!pattern.test(name)) throw new Error(`the snapshot of ${camera} is called ${name}`);
  const bytes = readFileSync(await download.path());
  const isJPEG = bytes.readUInt16BE(0) === 0xffd8 && bytes.readUInt16BE(bytes.length - 2) === 0xffd9;
  if (!isJPEG) throw new Error(`${name} is no JPEG: ${bytes.length} bytes`);
  await page.waitForFunction((text) => document.querySelector('#toast')?.textContent === text, `Saved ${name}`);
  return bytes.length;
}

/** @param {Page} page */
async function reorder(page) {
  await page.keyboard.press('Home');
  await page.keyboard.press('Alt+ArrowRight');
  const want = ['lab-2', 'lab-1', ...ALL.slice(2)];
  assertEqual('the order after Alt and right', await order(page), want);
  assertEqual('the focus after Alt and right', await focused(page), 'lab-1');
  await page.reload();
  await untilMoving(page, ALL.length, LIMIT);
  assertEqual('the order after a reload', await order(page), want);
  for (const key of ['ArrowRight', 'ArrowRight', 'Alt+ArrowLeft']) await page.keyboard.press(key);
  assertEqual('the order after Alt and left', await order(page), ALL);
}

/**
 * @param {Page} page
 * @param {string} root
 */
async function views(page, root) {
  await page.goto(`${root}?group=lab&cols=3`);
  await untilMoving(page, LABS.length, LIMIT);
  assertEqual('?group=lab', await order(page), LABS);
  assertEqual('?cols=3', await columns(page), 3);
  assertEqual('the group that is pressed', await page.textContent('#groups [aria-pressed=true]'), 'lab');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${root}cam/lab-1`);
  await untilMoving(page, 1, LIMIT);
  for (const [key, camera] of [['[', 'lab-4'], [']', 'lab-1'], [']', 'lab-2']]) { // those of the group
    await page.keyboard.press(key ?? '');
    await page.waitForURL(`${root}cam/${camera}`);
    await untilMoving(page, 1, LIMIT);
  }
  await page.keyboard.press('Escape');
  await page.waitForURL(`${root}?group=lab&cols=3`);
}

/**
 * The page of one camera with all that can be folded out.
 * @param {Page} page
 * @param {string} root
 */
async function camera(page, root) {
  await page.goto(`${root}cam/lab-2`);
  await untilMoving(page, 1, LIMIT);
  await page.waitForSelector('.embeds[open] .copy'); // a wide page shows them at once
  await page.focus('.embeds > summary');
  for (const open of [false, true]) {
    await page.keyboard.press('Enter');
    await page.waitForSelector(open ? '.embeds[open] .copy' : '.embeds:not([open])');
  }
  const reached = await tabThrough(page);
  const scale = () => page.$eval('.tile .picture', (el) => new DOMMatrix(getComputedStyle(el).transform).a);
  await page.keyboard.press('+');
  if (!(await scale() > 1)) throw new Error('+ does not zoom');
  await page.keyboard.press('0');
  assertEqual('0', await scale(), 1);
  return { reached, snapshot_bytes: await snapshot(page, 'lab-2') };
}

await run('keyboard', async (browser) => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const faults = collectFaults(page, base);
  const root = new URL('/', base).href;
  await page.goto(root);
  await untilMoving(page, ALL.length, LIMIT);
  assertEqual('the tiles', await order(page), ALL);
  const reached = await tabThrough(page);
  await page.keyboard.press('Escape');
  await arrows(page);
  const snapshot_bytes = await snapshot(page, 'lab-1');
  await help(page);
  await search(page);
  await reorder(page);
  await views(page, root);
  const camera_page = await camera(page, root);
  if (faults.length) throw new Error(`the page has faults: ${faults.join('; ')}`);
  return { reached, snapshot_bytes, camera_page };
});
