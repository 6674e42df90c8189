// Checks that the keyboard reaches every control of a page.

/** @typedef {import('playwright-core').Page} Page */

const CONTROLS = 'a[href], button, input, select, textarea, summary, [tabindex]';
/** More than any page has. */
const MAX_STOPS = 300;

/**
 * Numbers the controls that can be seen, and names them.
 * @param {Page} page
 * @returns {Promise<Map<string, string>>} names by number; an element keeps its number for as long as it lives
 */
async function controls(page) {
  return new Map(await page.evaluate((selector) => [...document.querySelectorAll(selector)].filter((el) => {
    if (!(el instanceof HTMLElement) || el.tabIndex < 0 || el.matches(':disabled')) return false;
    const { width, height } = el.getBoundingClientRect();
    return width > 0 && height > 0 && el.checkVisibility({ visibilityProperty: true });
  }).map((el) => {
    const html = /** @type {HTMLElement} */ (el);
    html.dataset.control ??= String(document.querySelectorAll('[data-control]').length + 1);
    const label = el.getAttribute('aria-label') ?? el.textContent?.trim() ?? '';
    const name = `${el.localName} ${el.id || el.className} ${label}`;
    return /** @type {[string, string]} */ ([html.dataset.control, name]);
  }), CONTROLS));
}

/**
 * Presses Tab until it is round, and fails if it has left out a control that could be seen all the time, or if the
 * focus of one cannot be seen.
 * @param {Page} page
 * @returns {Promise<number>} how many there are
 */
export async function tabThrough(page) {
  const before = await controls(page);
  await page.evaluate(() => { if (document.activeElement instanceof HTMLElement) document.activeElement.blur(); });
  /** @type {Set<string>} */
  const reached = new Set();
  /** @type {string[]} */
  const unseen = [];
  for (let i = 0; ; i++) {
    if (i > MAX_STOPS) throw new Error(`Tab is not round after ${MAX_STOPS} times`);
    await page.keyboard.press('Tab');
    const { control, seen, name } = await page.evaluate(() => {
      const el = document.activeElement;
      const inside = el instanceof HTMLElement && el !== document.body && el !== document.documentElement;
      if (!inside) return { control: '', seen: true, name: '' };
      // A control may leave it to what surrounds it, or to what it lays over that, to show its focus.
      const around = [el, el.closest('.tile'), el.closest('label')].filter((one) => one !== null);
      const styles = around.flatMap((one) => [getComputedStyle(one), getComputedStyle(one, '::after')]);
      const seen = styles.some(({ outlineStyle, outlineWidth, boxShadow }) => (
        (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || boxShadow !== 'none'));
      return { control: el.dataset.control ?? 'new', seen, name: `${el.localName} ${el.id || el.className}` };
    });
    if (control === '') continue; // The browser's own, between the last and the first.
    if (reached.has(control) && control !== 'new') break;
    reached.add(control);
    if (!seen) unseen.push(name);
  }
  const after = await controls(page);
  const missed = [...before].filter(([n]) => after.has(n) && !reached.has(n)).map(([, name]) => name);
  if (missed.length) throw new Error(`Tab does not reach ${missed.join('; ')}`);
  if (unseen.length) throw new Error(`nothing shows the focus of ${unseen.join('; ')}`);
  return before.size;
}
