// The one connection to a hub: every stream and every camera's state over a WebSocket (docs/ref/ws.md).
import { HubClock } from './clock.js';
import { Roster } from './roster.js';
import { Watch } from './watch.js';
import { parseFrame } from './wire.js';

const PROTOCOL = 'bramble.v1';
const RETRY_MS = 250;
const RETRY_MAX_MS = 5000;
/** A hub that is gone for less is not worth a word. */
const LOST_MS = 1000;
/** How long a page that nobody sees, or that shows nothing, keeps its connection. */
const UNUSED_MS = 30_000;
const TICK_MS = 1000;
const FIRST_PINGS = 5;
const PING_TICKS = 30;
/** Ticks without a message: then the hub is asked, what is shown is no longer live, the connection is dead. Ticks and not time, since a computer may have slept. */
const ASK = 2;
const SILENT = 4;
const DEAD = 7;

/** @type {import('./watch.js').Problem} */
const NO_ANSWER = { type: 'about:blank', title: 'No contact', status: 0, detail: 'The hub does not answer. Trying again.' };
/** A browser does not tell a page which of the two it is. */
const STRANGER = 'The hub does not answer, or does not allow this page (--allow-origin). Trying again.';

/**
 * @typedef {import('./roster.js').Camera} Camera
 * @typedef {import('./watch.js').Request} Request
 * @typedef {import('./watch.js').Sink} Sink
 * @typedef {(cameras: Camera[] | null) => void} RosterListener gets all cameras, sorted by id; null when the hub is lost
 */

export class Link {
  #address;
  #clock = new HubClock();
  #roster = new Roster();
  /** @type {Set<RosterListener>} */
  #listeners = new Set();
  /** @type {Set<Watch>} */
  #watches = new Set();
  /** @type {Map<number, Watch>} */
  #slots = new Map();
  #lastSlot = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  #ready = false;
  #lost = false;
  #suspended = false;
  /** Why there may be no connection, other than that there is no hub. */
  #refusal = '';
  #failures = 0;
  #ticks = 0;
  #silent = 0;
  #pings = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #lostTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #unusedTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  /** @type {import('./watch.js').Owner} */
  #owner = {
    open: (watch, request) => this.#open(watch, request),
    close: (watch, slot) => this.#close(watch, slot),
    send: (message) => this.#socket?.send(message),
  };

  /**
   * Connects when it is first used. Follows the page's visibility by itself.
   * @param {URL} root the hub's root, with a trailing slash
   * @param {string} [query] of a signed link
   */
  constructor(root, query = '') {
    const address = new URL(`ws${query}`, root);
    address.protocol = address.protocol.replace('http', 'ws');
    this.#address = address.href;
    if (typeof document === 'undefined') return;
    if (location.origin !== root.origin) this.#refusal = STRANGER;
    this.#suspended = document.hidden;
    document.addEventListener('visibilitychange', () => (document.hidden ? this.suspend() : this.resume()));
    window.addEventListener('pagehide', () => { this.suspend(); this.#disconnect(); });
    window.addEventListener('pageshow', () => { if (!document.hidden) this.resume(); });
  }

  /**
   * Watches until Watch.stop, over as many connections as that takes.
   * @param {Request} request
   * @param {Sink} sink
   * @returns {Watch}
   */
  watch(request, sink) {
    const watch = new Watch(this.#owner, request, sink);
    this.#watches.add(watch);
    if (!this.#suspended) this.#use(() => watch.start());
    return watch;
  }

  /**
   * Calls the listener with all cameras, at once if they are known, and whenever something changes.
   * @param {RosterListener} listener
   * @returns {() => void} ends that
   */
  onRoster(listener) {
    this.#listeners.add(listener);
    if (this.#roster.list) listener(this.#roster.list);
    else if (this.#lost) listener(null);
    if (this.#listeners.size === 1 && !this.#suspended) this.#use(() => this.#say({ op: 'roster' }));
    return () => {
      this.#listeners.delete(listener);
      this.#releaseIfUnused();
    };
  }

  /** The hub's clock, Unix milliseconds. */
  hubNow() {
    return this.#clock.now();
  }

  /** Why the hub is lost, while it is. */
  get trouble() {
    return this.#refusal || NO_ANSWER.detail;
  }

  /** The page is hidden: no more frames from now on, no connection if that lasts. */
  suspend() {
    if (this.#suspended) return;
    this.#suspended = true;
    for (const slot of this.#slots.keys()) this.#say({ op: 'unwatch', slot });
    this.#slots.clear();
    for (const watch of this.#watches) watch.lost(null);
    this.#releaseSoon();
  }

  resume() {
    if (!this.#suspended) return;
    this.#suspended = false;
    if (this.#watches.size + this.#listeners.size === 0) return;
    this.#use(() => { for (const watch of this.#watches) watch.start(); });
  }

  /** @param {() => void} action what to do now if there is a connection; else all is asked for at its hello */
  #use(action) {
    clearTimeout(this.#unusedTimer);
    if (this.#ready) action();
    else if (!this.#socket && this.#retryTimer === undefined) this.#connect();
  }

  #releaseIfUnused() {
    if (this.#watches.size + this.#listeners.size === 0) this.#releaseSoon();
  }

  #releaseSoon() {
    clearTimeout(this.#unusedTimer);
    this.#unusedTimer = setTimeout(() => this.#disconnect(), UNUSED_MS);
  }

  #connect() {
    this.#retryTimer = undefined;
    let socket;
    try {
      socket = new WebSocket(this.#address, [PROTOCOL]);
    } catch (err) {
      this.#refusal = err instanceof Error ? err.message : String(err); // As for a hub without TLS in a page with it.
      return this.#gone();
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => { if (socket === this.#socket) this.#receive(data); });
    socket.addEventListener('close', () => { if (socket === this.#socket) this.#gone(); });
    this.#silent = 0;
    this.#ticks = 0;
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Closes everything, without a word to the page. */
  #disconnect() {
    clearTimeout(this.#unusedTimer);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#lostTimer);
    this.#retryTimer = undefined;
    this.#lostTimer = undefined;
    this.#failures = 0;
    this.#roster.forget();
    this.#drop();
  }

  /** Lets go of the connection. */
  #drop() {
    const socket = this.#socket;
    this.#socket = null; // What it still says is not heard.
    this.#ready = false;
    clearInterval(this.#ticker);
    socket?.close();
    this.#slots.clear();
    for (const watch of this.#watches) watch.detach();
  }

  /** The connection is gone, or could not be made. */
  #gone() {
    this.#drop();
    if (!this.#lost) this.#lostTimer ??= setTimeout(() => this.#lose(), LOST_MS);
    const delay = RETRY_MS * 2 ** this.#failures * (0.75 + Math.random() / 2);
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => this.#connect(), Math.min(delay, RETRY_MAX_MS));
  }

  #lose() {
    this.#lostTimer = undefined;
    this.#lost = true;
    this.#roster.forget();
    for (const listener of this.#listeners) listener(null);
    for (const watch of this.#watches) watch.lost({ ...NO_ANSWER, detail: this.trouble });
  }

  #tick() {
    this.#ticks += 1;
    this.#silent += 1;
    if (this.#silent >= DEAD) return this.#gone();
    if (!this.#ready) return;
    if (this.#ticks === 5) this.#failures = 0; // It holds.
    if (this.#silent >= ASK || this.#ticks % PING_TICKS === 0) this.#ping();
    if (this.#silent >= SILENT) for (const watch of this.#slots.values()) watch.quiet('No word from the hub.');
  }

  #ping() {
    this.#say({ op: 'ping', t: performance.now() });
  }

  /** @param {object} message */
  #say(message) {
    if (this.#ready) this.#socket?.send(JSON.stringify(message));
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    this.#silent = 0;
    if (typeof data === 'string') return this.#heed(JSON.parse(data));
    const frame = parseFrame(data);
    this.#slots.get(frame.slot)?.take(frame);
  }

  /** @param {any} message of the hub; members that are not known, and whole messages, are ignored */
  #heed(message) {
    const watch = this.#slots.get(message.slot);
    switch (message.op) {
      case 'hello': return this.#hello(message.now / 1000);
      case 'watching': return watch?.watching(message);
      case 'quiet': return watch?.quiet(message.reason ?? '');
      case 'ended':
        this.#slots.delete(message.slot);
        return watch?.ended(message.error ?? { ...NO_ANSWER, title: 'Ended', detail: 'The hub ended the stream. Trying again.' });
      case 'roster':
        this.#roster.merge(message);
        for (const listener of this.#listeners) listener(this.#roster.list ?? []);
        return;
      case 'pong':
        this.#clock.answer(message.t, message.now / 1000);
        this.#pings += 1;
        if (this.#pings < FIRST_PINGS) this.#ping();
        return;
      case 'error': console.warn('the hub:', message.error?.detail ?? message.error);
    }
  }

  /** @param {number} now */
  #hello(now) {
    this.#ready = true;
    this.#lost = false;
    this.#refusal = '';
    clearTimeout(this.#lostTimer);
    this.#lostTimer = undefined;
    this.#clock.reset();
    this.#clock.guess(now);
    this.#pings = 0;
    this.#ping();
    if (this.#listeners.size > 0) this.#say({ op: 'roster' });
    if (!this.#suspended) for (const watch of this.#watches) watch.start();
  }

  /**
   * @param {Watch} watch
   * @param {Request} request
   */
  #open(watch, request) {
    if (!this.#ready || this.#suspended) return 0;
    this.#lastSlot += 1;
    this.#slots.set(this.#lastSlot, watch);
    this.#say({ op: 'watch', slot: this.#lastSlot, ...request });
    return this.#lastSlot;
  }

  /**
   * @param {Watch} watch
   * @param {number} slot
   */
  #close(watch, slot) {
    this.#watches.delete(watch);
    if (this.#slots.delete(slot)) this.#say({ op: 'unwatch', slot });
    this.#releaseIfUnused();
  }
}

/** @type {Map<string, Link>} */
const links = new Map();

/**
 * The page's only link to a hub.
 * @param {URL} root
 * @param {string} [query] of a signed link
 * @returns {Link}
 */
export function linkTo(root, query = '') {
  const link = links.get(root.href + query) ?? new Link(root, query);
  links.set(root.href + query, link);
  return link;
}
