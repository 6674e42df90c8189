// Logs in at a hub with users. CONTROL_URL/password answers with the password, a POST to CONTROL_URL/remove removes the
// user.
// node login.mjs BASE_URL --user NAME --camera ID --link MJPEG_URL --other PAGE_URL --control URL
import { parseArgs } from 'node:util';

import { run, usage, collectFaults } from './browser.mjs';
import { readTiles, untilMoving } from './tiles.mjs';

/** @typedef {import('playwright-core').Page} Page */

const { values: { user, camera, link, other, control }, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: {
    user: { type: 'string' }, camera: { type: 'string' }, link: { type: 'string' }, other: { type: 'string' },
    control: { type: 'string' },
  },
});
if (!base || !user || !camera || !link || !other || !control) {
  usage('login.mjs BASE_URL --user NAME --camera ID --link MJPEG_URL --other PAGE_URL --control URL');
}

const LIMIT = { seconds: 45 };

/**
 * Fills in the form, which must be there.
 * @param {Page} page
 * @param {string} text the password
 */
async function logIn(page, text) {
  await page.waitForURL('**/login*');
  await page.fill('#user', user ?? '');
  await page.fill('#password', text);
  await page.click('button[type=submit]');
}

/**
 * A page of another origin shows a picture by a signed link, without a login.
 * @param {Page} page
 * @returns {Promise<number>} the picture's width
 */
async function linked(page) {
  await page.goto(`${other}/?body=${encodeURIComponent(`<img src="${link}">`)}`);
  const polling = { polling: 100 };
  const width = await page.waitForFunction(() => document.querySelector('img')?.naturalWidth, undefined, polling);
  return Number(await width.jsonValue());
}

await run('login', async (browser) => {
  const password = await (await fetch(`${control}/password`)).text();
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const faults = collectFaults(page, base);

  await page.goto(`${base}/cam/${camera}`);
  await logIn(page, 'not the password');
  const refusal = (await page.textContent('#problem')) ?? '';
  await logIn(page, password);
  await page.waitForURL(`${base}/cam/${camera}`); // the page that was opened first
  await untilMoving(page, 1, LIMIT);

  await page.goto(base);
  await untilMoving(page, 1, LIMIT);
  const cameras = (await readTiles(page)).map((tile) => tile.id);
  const cookies = await context.cookies();
  const protectedCookies = cookies.every((c) => c.httpOnly && c.sameSite === 'Lax');
  if (!protectedCookies) throw new Error('a script or another site can use the cookie');
  if (await page.evaluate(() => document.cookie) !== '') throw new Error('a script sees the cookie');

  const name = base.startsWith('https:') ? '__Host-bramble_session' : 'bramble_session';
  const names = cookies.map((c) => c.name).join();
  if (names !== name) throw new Error(`the cookies are ${names}, want ${name}`);
  // As another port or path of the host may: it comes first, since its path is longer.
  const domain = new URL(base).hostname;
  await context.addCookies([{ name: 'bramble_session', value: 'planted', domain, path: '/api' }]);
  await page.goto(`${base}/cam/${camera}`);
  await untilMoving(page, 1, LIMIT);
  await page.goto(base);

  const width = await linked(await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage());

  await page.click('#logout');
  await page.waitForURL('**/login*');
  await page.goto(base);
  await logIn(page, password);
  await untilMoving(page, 1, LIMIT);
  await fetch(`${control}/remove`, { method: 'POST' });
  await page.waitForURL('**/login*'); // by itself
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return { refusal, cameras, link: width };
});
