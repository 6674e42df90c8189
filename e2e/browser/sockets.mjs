// Listening in on a page's WebSockets and connections, without the page's help.

/** @typedef {import('playwright-core').Page} Page */

const HEADER = 40;

/** What a page says and gets over its WebSockets (docs/ref/ws.md). Make it before the page is opened. */
export class Tap {
  /** Sockets that are open now, and how many there ever were. */
  open = 0;
  opened = 0;
  /** @type {Set<string>} connections to the server beside WebSockets */
  connections = new Set();
  /** @type {Map<number, string>} camera of each slot of the newest socket */
  #cameras = new Map();
  /** @type {Map<string, {bytes: number, frames: number, last: number, captured: number}>} by camera; captured: of the newest frame, Unix milliseconds */
  #got = new Map();
  /** @type {Map<string, Record<string, unknown>>} the newest watch of each camera */
  #asked = new Map();

  /** @param {Page} page */
  constructor(page) {
    page.on('websocket', (socket) => {
      this.open += 1;
      this.opened += 1;
      this.#cameras.clear();
      socket.on('close', () => { this.open -= 1; });
      socket.on('framesent', ({ payload }) => { if (typeof payload === 'string') this.#sent(payload); });
      socket.on('framereceived', ({ payload }) => { if (typeof payload !== 'string') this.#received(payload); });
    });
  }

  /**
   * Counts the page's other connections, too.
   * @param {Page} page
   */
  async countConnections(page) {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Network.enable');
    cdp.on('Network.responseReceived', ({ response, type }) => {
      if (type !== 'WebSocket' && response.connectionId > 0 && !response.fromDiskCache) this.connections.add(String(response.connectionId));
    });
  }

  /** @param {string} text */
  #sent(text) {
    /** @type {{op: string, slot: number, camera: string}} */
    const message = JSON.parse(text);
    if (message.op !== 'watch') return;
    this.#cameras.set(message.slot, message.camera);
    this.#asked.set(message.camera, message);
  }

  /** @param {Buffer} frame */
  #received(frame) {
    const camera = frame.length >= HEADER ? this.#cameras.get(frame.readUInt32BE(4)) : undefined;
    if (camera === undefined) return;
    const got = this.got(camera);
    this.#got.set(camera, { bytes: got.bytes + frame.length, frames: got.frames + 1, last: performance.now(), captured: Number(frame.readBigInt64BE(16) / 1000n) });
  }

  /** @param {string} camera */
  got(camera) {
    return this.#got.get(camera) ?? { bytes: 0, frames: 0, last: 0, captured: 0 };
  }

  /**
   * The page's newest wish for a camera.
   * @param {string} camera
   */
  asked(camera) {
    return this.#asked.get(camera);
  }

  /** Bytes of all cameras. */
  get bytes() {
    return [...this.#got.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

/**
 * Waits until a figure stands still for a while.
 * @param {Page} page
 * @param {() => number} figure
 * @param {{still: number, limit: number}} ms
 * @returns {Promise<number>} when it last changed, as performance.now
 */
export async function untilStill(page, figure, { still, limit }) {
  const end = performance.now() + limit;
  let [value, changed] = [figure(), performance.now()];
  while (performance.now() < end) {
    await page.waitForTimeout(20);
    const now = figure();
    if (now !== value) [value, changed] = [now, performance.now()];
    else if (performance.now() - changed > still) return changed;
  }
  throw new Error(`bytes still come after ${limit} ms`);
}

/**
 * Waits until a figure grows, and returns how long that took in milliseconds.
 * @param {Page} page
 * @param {() => number} figure
 * @param {number} limit ms
 */
export async function untilGrows(page, figure, limit) {
  const [before, began] = [figure(), performance.now()];
  while (performance.now() - began < limit) {
    await page.waitForTimeout(5);
    if (figure() !== before) return Math.round(performance.now() - began);
  }
  throw new Error(`no bytes within ${limit} ms`);
}
