// Observes a page's WebSockets and connections from outside the page.

/**
 * @typedef {import('playwright-core').Page} Page
 *
 * @typedef {object} Received what a page has received of a camera
 * @property {number} bytes Bytes of all frames.
 * @property {number} frames Number of frames.
 * @property {number} last When the newest frame arrived, as performance.now.
 * @property {number} captured When the newest frame was captured, Unix milliseconds.
 */

const HEADER_BYTES = 40;

/** Counts what a page sends and receives over its WebSockets (docs/ref/ws.md). Create it before the page is opened. */
export class WebSocketTap {
  /** Sockets that are open now, and how many there ever were. */
  open = 0;
  opened = 0;
  /** @type {Set<string>} connections to the server beside WebSockets */
  connections = new Set();
  /** @type {Map<number, string>} camera of each slot of the newest socket */
  #cameras = new Map();
  /** @type {Map<string, Received>} by camera */
  #receivedByCamera = new Map();
  /** @type {Map<string, Record<string, unknown>>} the newest watch of each camera */
  #lastWatches = new Map();

  /** @param {Page} page */
  constructor(page) {
    page.on('websocket', (socket) => {
      this.open += 1;
      this.opened += 1;
      this.#cameras.clear();
      socket.on('close', () => { this.open -= 1; });
      socket.on('framesent', ({ payload }) => { if (typeof payload === 'string') this.#onSent(payload); });
      socket.on('framereceived', ({ payload }) => { if (typeof payload !== 'string') this.#onReceived(payload); });
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
      if (type === 'WebSocket' || response.connectionId <= 0 || response.fromDiskCache) return;
      this.connections.add(String(response.connectionId));
    });
  }

  /** @param {string} text */
  #onSent(text) {
    /** @type {{op: string, slot: number, camera: string}} */
    const message = JSON.parse(text);
    if (message.op !== 'watch') return;
    this.#cameras.set(message.slot, message.camera);
    this.#lastWatches.set(message.camera, message);
  }

  /** @param {Buffer} frame */
  #onReceived(frame) {
    const camera = frame.length >= HEADER_BYTES ? this.#cameras.get(frame.readUInt32BE(4)) : undefined;
    if (camera === undefined) return;
    const total = this.received(camera);
    this.#receivedByCamera.set(camera, {
      bytes: total.bytes + frame.length,
      frames: total.frames + 1,
      last: performance.now(),
      captured: Number(frame.readBigInt64BE(16) / 1000n),
    });
  }

  /** @param {string} camera */
  received(camera) {
    return this.#receivedByCamera.get(camera) ?? { bytes: 0, frames: 0, last: 0, captured: 0 };
  }

  /**
   * The page's newest watch message for a camera.
   * @param {string} camera
   */
  lastWatch(camera) {
    return this.#lastWatches.get(camera);
  }

  /** Bytes of all cameras. */
  get bytes() {
    return [...this.#receivedByCamera.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

/**
 * Waits until a value has not changed for a while.
 * @param {Page} page
 * @param {() => number} read
 * @param {{still: number, limit: number}} ms
 * @returns {Promise<number>} when it last changed, as performance.now
 */
export async function untilStill(page, read, { still, limit }) {
  const end = performance.now() + limit;
  let [value, changed] = [read(), performance.now()];
  while (performance.now() < end) {
    await page.waitForTimeout(20);
    const now = read();
    if (now !== value) [value, changed] = [now, performance.now()];
    else if (performance.now() - changed > still) return changed;
  }
  throw new Error(`bytes still arrive after ${limit} ms`);
}

/**
 * Waits until a value changes, and returns how long that took in milliseconds.
 * @param {Page} page
 * @param {() => number} read
 * @param {number} limit ms
 */
export async function untilGrows(page, read, limit) {
  const [before, began] = [read(), performance.now()];
  while (performance.now() - began < limit) {
    await page.waitForTimeout(5);
    if (read() !== before) return Math.round(performance.now() - began);
  }
  throw new Error(`no bytes within ${limit} ms`);
}
