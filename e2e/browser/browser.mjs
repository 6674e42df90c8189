// Starts the browser for the scripts, runs them, and reports their result.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

/**
 * $CHROMIUM, or the first Chromium or Chrome on PATH.
 * @returns {string}
 */
function findBrowser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    for (const folder of folders) {
      const file = join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not in this folder.
      }
    }
  }
  throw new Error('no browser: install chromium (Debian: apt-get install chromium) or set CHROMIUM to its path');
}

/**
 * Starts a browser that connects to the given pages only. $TRUSTED_KEY is the SHA-256 of a server's key, in Base64,
 * that it trusts without a warning.
 */
export function launch() {
  const args = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];
  args.push('--disable-background-networking', '--disable-component-update');
  if (process.getuid?.() === 0) args.push('--no-sandbox'); // Chromium refuses to run as root with its sandbox.
  if (process.env.TRUSTED_KEY) args.push(`--ignore-certificate-errors-spki-list=${process.env.TRUSTED_KEY}`);
  return chromium.launch({ executablePath: findBrowser(), headless: true, args });
}

/**
 * Collects the faults of a page: uncaught errors, refusals by its Content-Security-Policy, requests to other hosts.
 * @param {import('playwright-core').Page} page
 * @param {string} base the only origin that it may request
 * @returns {string[]} filled while the page lives
 */
export function collectFaults(page, base) {
  /** @type {string[]} */
  const faults = [];
  const { origin } = new URL(base);
  page.on('pageerror', (err) => faults.push(`uncaught: ${err.message}`));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) faults.push(message.text());
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin === origin || ['blob:', 'data:'].includes(url.protocol)) return;
    faults.push(`request to another host: ${url.href}`);
  });
  return faults;
}

/**
 * Runs a script's work with a browser, prints its report as JSON, and exits with 1 and a message if it throws.
 * @param {string} name
 * @param {(browser: import('playwright-core').Browser) => Promise<object>} work
 */
export async function run(name, work) {
  try {
    const browser = await launch();
    try {
      console.log(JSON.stringify(await work(browser)));
    } finally {
      await browser.close();
    }
  } catch (err) {
    console.error(`${name}: ${err instanceof Error ? err.message : err}`);
    process.exitCode = 1;
  }
}

/**
 * Prints how to call a script, and exits.
 * @param {string} text
 * @returns {never}
 */
export function usage(text) {
  console.error(`usage: node ${text}`);
  process.exit(2);
}
