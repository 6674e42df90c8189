// The page's connection to a hub: all streams and the states of all cameras over one WebSocket (docs/ref/ws.md).
import { CameraList } from './camera-list.js';
import { ClockSync } from './clock-sync.js';
import { SUBPROTOCOL, parseFrame } from './protocol.js';
import { Subscription } from './subscription.js';

const RETRY_MS = 250;
const RETRY_MAX_MS = 5000;
/** An outage shorter than this is not reported. */
const LOST_AFTER_MS = 1000;
/** How long an unused connection stays open: the page is hidden, or shows nothing. */
const IDLE_CLOSE_MS = 30_000;
const TICK_MS = 1000;
const FIRST_PINGS = 5;
const PING_TICKS = 30;
/** After this many ticks an open connection counts as stable, and the next retry is as quick as the first. */
const STABLE_TICKS = 5;
/**
 * Ticks without a message after which the hub is pinged, after which pictures count as stale, and after which the
 * connection counts as dead. They are ticks and not milliseconds because a computer may have slept.
 */
const PING_AFTER_TICKS = 2;
const STALE_AFTER_TICKS = 4;
const DEAD_AFTER_TICKS = 7;

/**
 * @typedef {import('./protocol.js').Camera} Camera
 * @typedef {import('./protocol.js').ClientMessage} ClientMessage
 * @typedef {import('./protocol.js').HubMessage} HubMessage
 * @typedef {import('./protocol.js').Problem} Problem
 * @typedef {import('./subscription.js').StreamRequest} StreamRequest
 * @typedef {import('./subscription.js').StreamHandler} StreamHandler
 */

/**
 * Receives all cameras, sorted by id; null when the hub is lost.
 *
 * @typedef {(cameras: Camera[] | null) => void} CamerasListener
 */

/** @type {Problem} */
const NO_ANSWER = {
  type: 'about:blank', title: 'Disconnected', status: 0, detail: 'The hub does not answer. Trying again.',
};
/** For a page of another origin. A browser does not tell a page which of the two it is. */
const ORIGIN_REFUSED = 'The hub does not answer, or does not allow this page (--allow-origin). Trying again.';

export class HubConnection {
  #address;
  #clock = new ClockSync();
  #list = new CameraList();
  /** @type {Set<CamerasListener>} */
  #listeners = new Set();
  /** @type {Set<Subscription>} */
  #subscriptions = new Set();
  /** @type {Map<number, Subscription>} */
  #slots = new Map();
  #lastSlot = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  /** The hub has said hello. */
  #ready = false;
  #lost = false;
  #suspended = false;
  /** Why there may be no connection, other than that the hub does not answer. */
  #refusedReason = '';
  #failures = 0;
  #ticks = 0;
  #silentTicks = 0;
  #pings = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #lostTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #idleTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  /** @type {import('./subscription.js').Transport} */
  #transport = {
    open: (subscription, request) => this.#openSlot(subscription, request),
    close: (subscription, slot) => this.#closeSlot(subscription, slot),
    send: (message) => this.#socket?.send(message),
  };

  /**
   * Connects when it is first used. It closes when the page is hidden, and opens again when the page is shown.
   * @param {URL} root the hub's root, with a trailing slash
   * @param {string} [query] of a signed link
   */
  constructor(root, query = '') {
    const address = new URL(`ws${query}`, root);
    address.protocol = address.protocol.replace('http', 'ws');
    this.#address = address.href;
    if (typeof document === 'undefined') return;
    if (location.origin !== root.origin) this.#refusedReason = ORIGIN_REFUSED;
    this.#suspended = document.hidden;
    document.addEventListener('visibilitychange', () => (document.hidden ? this.suspend() : this.resume()));
    window.addEventListener('pagehide', () => { this.suspend(); this.#disconnect(); });
    window.addEventListener('pageshow', () => { if (!document.hidden) this.resume(); });
  }

  /**
   * Subscribes to a stream until Subscription.stop. The subscription outlives connections.
   * @param {StreamRequest} request
   * @param {StreamHandler} handler
   * @returns {Subscription}
   */
  subscribe(request, handler) {
    const subscription = new Subscription(this.#transport, request, handler);
    this.#subscriptions.add(subscription);
    if (!this.#suspended) this.#whenReady(() => subscription.start());
    return subscription;
  }

  /**
   * Calls the listener with all cameras: at once if they are known, and whenever one changes.
   * @param {CamerasListener} listener
   * @returns {() => void} removes the listener
   */
  onCameras(listener) {
    this.#listeners.add(listener);
    if (this.#list.cameras) listener(this.#list.cameras);
    else if (this.#lost) listener(null);
    if (this.#listeners.size === 1 && !this.#suspended) this.#whenReady(() => this.#send({ op: 'roster' }));
    return () => {
      this.#listeners.delete(listener);
      this.#closeIfUnused();
    };
  }

  /** The hub's clock, Unix milliseconds. */
  hubNow() {
    return this.#clock.now();
  }

  /** Why the hub is lost, while it is lost. */
  get lostReason() {
    return this.#refusedReason || NO_ANSWER.detail;
  }

  /** Stops all streams because the page is hidden. The connection closes later. */
  suspend() {
    if (this.#suspended) return;
    this.#suspended = true;
    for (const slot of this.#slots.keys()) this.#send({ op: 'unwatch', slot });
    this.#slots.clear();
    for (const subscription of this.#subscriptions) subscription.handleLost(null);
    this.#closeLater();
  }

  /** Requests all streams again. */
  resume() {
    if (!this.#suspended) return;
    this.#suspended = false;
    if (this.#subscriptions.size + this.#listeners.size === 0) return;
    this.#whenReady(() => { for (const subscription of this.#subscriptions) subscription.start(); });
  }

  /** @param {() => void} action called now if the hub is ready. If not, the hello will request everything. */
  #whenReady(action) {
    clearTimeout(this.#idleTimer);
    if (this.#ready) action();
    else if (!this.#socket && this.#retryTimer === undefined) this.#connect();
  }

  #closeIfUnused() {
    if (this.#subscriptions.size + this.#listeners.size === 0) this.#closeLater();
  }

  #closeLater() {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#disconnect(), IDLE_CLOSE_MS);
  }

  #connect() {
    this.#retryTimer = undefined;
    let socket;
    try {
      socket = new WebSocket(this.#address, [SUBPROTOCOL]);
    } catch (err) {
      // For example, the hub has no TLS and the page has.
      this.#refusedReason = err instanceof Error ? err.message : String(err);
      return this.#onClosed();
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => { if (socket === this.#socket) this.#receive(data); });
    socket.addEventListener('close', () => { if (socket === this.#socket) this.#onClosed(); });
    this.#silentTicks = 0;
    this.#ticks = 0;
    this.#ticker = setInterval(() => this.#onTick(), TICK_MS);
  }

  /** Closes the connection and does not open it again. Listeners are not called. */
  #disconnect() {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#lostTimer);
    this.#retryTimer = undefined;
    this.#lostTimer = undefined;
    this.#failures = 0;
    this.#list.clear();
    this.#closeSocket();
  }

  #closeSocket() {
    const socket = this.#socket;
    this.#socket = null; // Messages of a socket other than this one are ignored.
    this.#ready = false;
    clearInterval(this.#ticker);
    socket?.close();
    this.#slots.clear();
    for (const subscription of this.#subscriptions) subscription.detach();
  }

  /** The connection has closed, or could not be made: tries again later. */
  #onClosed() {
    this.#closeSocket();
    if (!this.#lost) this.#lostTimer ??= setTimeout(() => this.#onLost(), LOST_AFTER_MS);
    const delay = RETRY_MS * 2 ** this.#failures * (0.75 + Math.random() / 2);
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => this.#connect(), Math.min(delay, RETRY_MAX_MS));
  }

  #onLost() {
    this.#lostTimer = undefined;
    this.#lost = true;
    this.#list.clear();
    for (const listener of this.#listeners) listener(null);
    for (const subscription of this.#subscriptions) subscription.handleLost({ ...NO_ANSWER, detail: this.lostReason });
  }

  #onTick() {
    this.#ticks += 1;
    this.#silentTicks += 1;
    if (this.#silentTicks >= DEAD_AFTER_TICKS) return this.#onClosed();
    if (!this.#ready) return;
    if (this.#ticks === STABLE_TICKS) this.#failures = 0;
    if (this.#silentTicks >= PING_AFTER_TICKS || this.#ticks % PING_TICKS === 0) this.#ping();
    if (this.#silentTicks < STALE_AFTER_TICKS) return;
    for (const subscription of this.#slots.values()) subscription.handleQuiet('The hub sends nothing.');
  }

  #ping() {
    this.#send({ op: 'ping', t: performance.now() });
  }

  /** @param {ClientMessage} message */
  #send(message) {
    if (this.#ready) this.#socket?.send(JSON.stringify(message));
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    this.#silentTicks = 0;
    if (typeof data === 'string') return this.#onMessage(JSON.parse(data));
    const frame = parseFrame(data);
    this.#slots.get(frame.slot)?.handleFrame(frame);
  }

  /** @param {HubMessage} message unknown members, and messages of unknown kinds, are ignored */
  #onMessage(message) {
    switch (message.op) {
      case 'hello': return this.#onHello(message.now / 1000);
      case 'watching': return this.#slots.get(message.slot)?.handleWatching(message);
      case 'quiet': return this.#slots.get(message.slot)?.handleQuiet(message.reason ?? '');
      case 'ended': return this.#onEnded(message);
      case 'roster':
        this.#list.merge(message);
        for (const listener of this.#listeners) listener(this.#list.cameras ?? []);
        return;
      case 'pong':
        this.#clock.addSample(message.t, message.now / 1000);
        this.#pings += 1;
        if (this.#pings < FIRST_PINGS) this.#ping();
        return;
      case 'error': console.warn('the hub:', message.error?.detail ?? message.error);
    }
  }

  /** @param {import('./protocol.js').EndedMessage} message */
  #onEnded({ slot, error }) {
    const subscription = this.#slots.get(slot);
    this.#slots.delete(slot);
    const unknown = { ...NO_ANSWER, title: 'Ended', detail: 'The hub ended the stream. Trying again.' };
    subscription?.handleEnded(error ?? unknown);
  }

  /** @param {number} now the hub's clock, Unix milliseconds */
  #onHello(now) {
    this.#ready = true;
    this.#lost = false;
    this.#refusedReason = '';
    clearTimeout(this.#lostTimer);
    this.#lostTimer = undefined;
    this.#clock.reset();
    this.#clock.setEstimate(now);
    this.#pings = 0;
    this.#ping();
    if (this.#listeners.size > 0) this.#send({ op: 'roster' });
    if (!this.#suspended) for (const subscription of this.#subscriptions) subscription.start();
  }

  /**
   * @param {Subscription} subscription
   * @param {StreamRequest} request
   * @returns {number} the new slot; 0 without a connection
   */
  #openSlot(subscription, request) {
    if (!this.#ready || this.#suspended) return 0;
    this.#lastSlot += 1;
    this.#slots.set(this.#lastSlot, subscription);
    this.#send({ op: 'watch', slot: this.#lastSlot, ...request });
    return this.#lastSlot;
  }

  /**
   * @param {Subscription} subscription
   * @param {number} slot
   */
  #closeSlot(subscription, slot) {
    this.#subscriptions.delete(subscription);
    if (this.#slots.delete(slot)) this.#send({ op: 'unwatch', slot });
    this.#closeIfUnused();
  }
}

/** @type {Map<string, HubConnection>} */
const connections = new Map();

/**
 * The page's only connection to a hub. All callers share it.
 * @param {URL} root
 * @param {string} [query] of a signed link
 * @returns {HubConnection}
 */
export function connectionTo(root, query = '') {
  const connection = connections.get(root.href + query) ?? new HubConnection(root, query);
  connections.set(root.href + query, connection);
  return connection;
}
