// Reads the grid's tiles: their states, and whether their pictures move.

/**
 * @typedef {import('playwright-core').Page} Page
 * @typedef {import('playwright-core').Frame} Frame
 * @typedef {object} TileReading what a tile shows at one moment
 * @property {string} id
 * @property {string} state
 * @property {string} picture live, stale or none
 * @property {string} kind canvas, video or none
 * @property {number} digest a digest of the picture; 0 if there is none
 * @property {number} contrast
 * @property {number | null} clock the clock in the picture's upper edge, Unix milliseconds; null if it has none
 */

/** @typedef {{kind: string, digest: number, contrast: number, clock: number | null}} PictureReading */

/**
 * Reads one picture, inside the page.
 * @param {Element | null} media
 * @returns {PictureReading}
 */
export function readPicture(media) {
  let [width, height] = [0, 0];
  if (media instanceof HTMLVideoElement) [width, height] = [media.videoWidth, media.videoHeight];
  else if (media instanceof HTMLCanvasElement) ({ width, height } = media);
  const drawable = media instanceof HTMLVideoElement ? media.readyState >= 2 : width > 0;
  const none = { kind: media?.localName ?? 'none', digest: 0, contrast: 0, clock: null };
  if (!drawable || width === 0 || height === 0) return none;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return none;
  context.drawImage(/** @type {HTMLCanvasElement | HTMLVideoElement} */ (media), 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  let [digest, darkest, brightest] = [0, 255, 0];
  for (let i = 1; i < data.length; i += 4 * 97) {
    const green = data[i] ?? 0;
    digest = (digest * 31 + green) | 0;
    darkest = Math.min(darkest, green);
    brightest = Math.max(brightest, green);
  }

  /**
   * The clock that internal/testpattern/timecode burns into test pictures: two rows of 40 blocks.
   * @param {number} fraction of the width that a row is high
   */
  const readClock = (fraction) => {
    const rows = [0, 1].map((row) => Array.from({ length: 40 }, (_, column) => {
      const [x, y] = [Math.floor(((column + 0.5) * width) / 40), Math.floor(((row + 0.5) * width) / fraction)];
      return (data[(y * width + x) * 4 + 1] ?? 0) > 127 ? 1 : 0;
    }).join(''));
    const [top = '', bottom = ''] = rows;
    if (!/^1010.*0101$/.test(top) || !/^0101.*1010$/.test(bottom)) return null;
    return Number.parseInt(top.slice(4, 36) + bottom.slice(4, 20), 2);
  };
  return { ...none, digest, contrast: Math.max(0, brightest - darkest), clock: readClock(80) ?? readClock(40) };
}

/**
 * Reads every tile. Only the picture is compared: a tile's texts change even when the camera is frozen.
 * @param {Page | Frame} page
 * @returns {Promise<TileReading[]>}
 */
export function readTiles(page) {
  return page.evaluate(`[...document.querySelectorAll('.tile')].map((tile) => ({
    id: tile.dataset.camera ?? '', state: tile.dataset.state ?? '', picture: tile.dataset.picture ?? '',
    ...(${readPicture})(tile.querySelector('.picture canvas, .picture video')),
  }))`);
}

/**
 * Waits until enough tiles were live and changed often enough, and returns the last reading of every tile.
 * @param {Page | Frame} page
 * @param {number} wanted
 * @param {{seconds: number, changes?: number, only?: (id: string) => boolean}} limits
 */
export async function untilMoving(page, wanted, { seconds, changes = 3, only = () => true }) {
  /** @type {Map<string, TileReading & {changes: number}>} */
  const seen = new Map();
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    for (const now of await readTiles(page)) {
      const before = seen.get(now.id);
      const moved = before !== undefined && before.digest !== 0 && now.digest !== 0 && before.digest !== now.digest;
      seen.set(now.id, { ...now, changes: (before?.changes ?? 0) + (moved ? 1 : 0) });
    }
    const moving = [...seen.values()].filter((tile) => {
      const live = tile.state === 'live' && tile.picture === 'live';
      return only(tile.id) && live && tile.contrast > 16 && tile.changes >= changes;
    });
    if (moving.length >= wanted) return [...seen.values()];
    await page.waitForTimeout(300);
  }
  const tiles = JSON.stringify([...seen.values()]);
  throw new Error(`fewer than ${wanted} tiles became live and moved within ${seconds} s: ${tiles}`);
}

/**
 * Waits until a tile is in one of some states, and returns how long that took in milliseconds.
 * @param {Page} page
 * @param {string} id
 * @param {string[]} states
 * @param {number} seconds at most
 */
export async function untilState(page, id, states, seconds) {
  const began = performance.now();
  await page.waitForFunction(([camera, list]) => {
    const tile = document.querySelector(`.tile[data-camera="${camera}"]`);
    return tile instanceof HTMLElement && /** @type {string[]} */ (list).includes(tile.dataset.state ?? '');
  }, /** @type {const} */ ([id, states]), { timeout: seconds * 1000, polling: 50 });
  return Math.round(performance.now() - began);
}
