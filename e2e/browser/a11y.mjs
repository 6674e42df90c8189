// Checks pages with axe-core, and that nothing scrolls sideways. The first page is checked on a desktop and a phone,
// dark and light, and with its help; the others in turn on a dark desktop and a light phone.
// node a11y.mjs URL...
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { run, usage, collectFaults } from './browser.mjs';
import { readTiles } from './tiles.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {{id: string, help: string, nodes: {html: string}[]}} Violation */

const urls = process.argv.slice(2);
if (urls.length === 0) usage('a11y.mjs URL...');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const screens = [
  { viewport: { width: 1440, height: 900 }, colorScheme: /** @type {const} */ ('dark') },
  { viewport: { width: 1440, height: 900 }, colorScheme: /** @type {const} */ ('light') },
  { viewport: { width: 390, height: 844 }, colorScheme: /** @type {const} */ ('dark') },
  { viewport: { width: 390, height: 844 }, colorScheme: /** @type {const} */ ('light') },
];
/** States that a tile on the screen reaches. Tiles outside the screen have no picture. */
const SETTLED = ['live', 'degraded', 'offline', 'conflict'];

/**
 * Waits until every tile that can be seen has a picture or says what is wrong.
 * @param {Page} page
 */
async function waitUntilSettled(page) {
  await page.waitForSelector('.tile, .empty');
  await page.waitForFunction((states) => [...document.querySelectorAll('.tile')].every((tile) => {
    if (!(tile instanceof HTMLElement) || tile.getBoundingClientRect().top > innerHeight) return true;
    const { state = '', picture } = tile.dataset;
    return states.includes(state) && (state !== 'live' || picture === 'live');
  }), SETTLED, { polling: 100 }).catch(async () => {
    throw new Error(`${page.url()}: the tiles do not settle: ${JSON.stringify(await readTiles(page))}`);
  });
}

/**
 * @param {Page} page
 * @param {string} within a selector; all of the page if it is empty
 * @returns {Promise<{violations: Violation[], passes: unknown[]}>}
 */
const check = (page, within) => page.evaluate(`axe.run(${within ? JSON.stringify(within) : 'document'})`);

/** @param {Page} page its help */
async function checkHelp(page) {
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  const result = await check(page, 'dialog');
  await page.keyboard.press('Escape');
  return result;
}

/**
 * Gives the page another screen, and waits until nothing moves to its new place or color any more.
 * @param {Page} page
 * @param {typeof screens[number]} screen
 */
async function setScreen(page, { viewport, colorScheme }) {
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme });
  await waitUntilSettled(page);
  await page.waitForFunction(() => document.getAnimations().every((animation) => {
    const endless = animation.effect?.getComputedTiming().iterations === Infinity;
    return animation.playState !== 'running' || endless;
  }), undefined, { polling: 100 });
}

await run('a11y', async (browser) => {
  /** @type {string[]} */
  const found = [];
  /** @type {Set<string>} */
  const states = new Set();
  let [passes, pages] = [0, 0];
  for (const [n, url] of urls.entries()) {
    const page = await browser.newPage();
    const faults = collectFaults(page, url);
    await page.goto(url);
    await waitUntilSettled(page);
    await page.evaluate(axe);
    for (const screen of n === 0 ? screens : [screens[n % 2 ? 0 : 3]]) { // the style sheet is the same one
      if (!screen) continue;
      pages += 1;
      await setScreen(page, screen);
      for (const { state } of await readTiles(page)) states.add(state);
      const results = [await check(page, '')];
      if (url === urls[0]) results.push(await checkHelp(page));
      const sideways = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return scrollWidth > clientWidth;
      });
      const where = `${url} ${screen.viewport.width} ${screen.colorScheme}`;
      for (const { violations, passes: passed } of results) {
        passes += passed.length;
        for (const { id, help, nodes } of violations) {
          found.push(`${where}: ${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`);
        }
      }
      if (sideways) found.push(`${where}: scrolls sideways`);
    }
    found.push(...faults.map((fault) => `${url}: ${fault}`));
    await page.close();
  }
  if (found.length) throw new Error(found.join('\n'));
  return { pages, passes, states: [...states].sort() };
});
