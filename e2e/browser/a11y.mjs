// Checks the page with axe-core on a desktop and a phone, dark and light, without and with its help, and that a phone never scrolls sideways.
// node a11y.mjs URL...
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { run, usage, watchFaults } from './browser.mjs';

const urls = process.argv.slice(2);
if (urls.length === 0) usage('a11y.mjs URL...');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const screens = [
  { viewport: { width: 1440, height: 900 }, colorScheme: /** @type {const} */ ('dark') },
  { viewport: { width: 1440, height: 900 }, colorScheme: /** @type {const} */ ('light') },
  { viewport: { width: 390, height: 844 }, colorScheme: /** @type {const} */ ('dark') },
  { viewport: { width: 390, height: 844 }, colorScheme: /** @type {const} */ ('light') },
];

await run('a11y', async (browser) => {
  const found = [];
  for (const url of urls) {
    for (const screen of screens) {
      const page = await browser.newPage(screen);
      const faults = watchFaults(page, url);
      await page.goto(url);
      await page.waitForSelector('.tile, .empty');
      await page.evaluate(axe);
      const { violations } = await page.evaluate('axe.run()');
      await page.keyboard.press('?');
      const help = await page.evaluate("document.querySelector('dialog[open]') ? axe.run('dialog') : {violations: [{id: 'help', help: 'does not open', nodes: []}]}");
      violations.push(...help.violations);
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      const where = `${url} ${screen.viewport.width} ${screen.colorScheme}`;
      for (const { id, help, nodes } of violations) found.push(`${where}: ${id}: ${help}: ${nodes.map((/** @type {{html: string}} */ n) => n.html).join(' ')}`);
      if (sideways) found.push(`${where}: scrolls sideways`);
      found.push(...faults.map((fault) => `${where}: ${fault}`));
      await page.close();
    }
  }
  if (found.length) throw new Error(found.join('\n'));
  return { pages: urls.length * screens.length, violations: 0 };
});
