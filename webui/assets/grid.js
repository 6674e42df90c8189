// All cameras at once.
import { Budget, STREAMS } from './budget.js';
import { find, stamp } from './dom.js';
import { commonAspect, fitTiles } from './layout.js';
import { Tile, modeFor } from './tile.js';

/** @typedef {import('./api.js').Camera} Camera */

const GAP = 8;

export class Grid {
  element = document.createElement('div');
  /** @type {Camera[]} */
  #cameras = [];
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {Set<string>} cameras whose tile is on the screen */
  #visible = new Set();
  #budget = new Budget(STREAMS);
  #sight = new IntersectionObserver((entries) => this.#sighted(entries), { rootMargin: '80px' });
  #resized = new ResizeObserver(() => this.#arrange());
  #paused = true;
  #lost = false;
  /** @type {HTMLElement | null} */
  #empty = null;

  constructor() {
    this.element.className = 'grid';
    this.#resized.observe(document.documentElement);
    this.#resized.observe(find(document, '.bar', HTMLElement));
  }

  /** @param {Camera[]} cameras sorted by id */
  update(cameras) {
    if (this.#lost) this.pause(); // A stream that outlived the hub would stand still.
    this.#lost = false;
    this.#paused = false;
    const changed = cameras.map((c) => c.id).join() !== this.#cameras.map((c) => c.id).join();
    this.#cameras = cameras;
    if (changed) this.#reconcile();
    for (const camera of cameras) this.#tiles.get(camera.id)?.update(camera);
    this.#showEmpty(cameras.length === 0);
    this.#arrange();
    this.#share();
  }

  /** One lost answer leaves the streams alone; at the second one they are closed, and reopened when the hub is back. */
  lose() {
    if (this.#lost) this.pause();
    this.#lost = true;
    for (const tile of this.#tiles.values()) tile.lose();
  }

  /** Closes every connection until the next update. */
  pause() {
    this.#paused = true;
    for (const tile of this.#tiles.values()) tile.stop();
  }

  #reconcile() {
    const ids = new Set(this.#cameras.map((c) => c.id));
    for (const [id, tile] of this.#tiles) {
      if (!ids.has(id)) this.#remove(id, tile);
    }
    for (const [i, { id }] of this.#cameras.entries()) {
      const tile = this.#tiles.get(id) ?? this.#add(id);
      // Moving a tile would restart its video, so one that is in its place stays untouched.
      if (this.element.children[i] !== tile.element) this.element.insertBefore(tile.element, this.element.children[i] ?? null);
    }
  }

  /** @param {string} id */
  #add(id) {
    const tile = new Tile(id, (taker) => { this.#budget.take(taker); this.#share(); });
    this.#tiles.set(id, tile);
    this.#sight.observe(tile.element);
    return tile;
  }

  /**
   * @param {string} id
   * @param {Tile} tile
   */
  #remove(id, tile) {
    tile.stop();
    this.#sight.unobserve(tile.element);
    tile.element.remove();
    this.#tiles.delete(id);
    this.#visible.delete(id);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #sighted(entries) {
    for (const { target, isIntersecting } of entries) {
      const id = target instanceof HTMLElement ? target.dataset.camera : undefined;
      if (id === undefined) continue;
      if (isIntersecting) this.#visible.add(id);
      else this.#visible.delete(id);
    }
    this.#share();
  }

  #share() {
    if (this.#paused || this.#lost) return;
    const visible = this.#cameras.filter((c) => this.#visible.has(c.id));
    const candidates = visible.filter((c) => ['mjpeg', 'mp4'].includes(modeFor(c, true)));
    const streaming = this.#budget.share(candidates.map((c) => ({ id: c.id, video: c.format === 'h264' })));
    const modes = this.#cameras.map((c) => /** @type {const} */ ([c.id, this.#visible.has(c.id) ? modeFor(c, streaming.has(c.id)) : 'off']));
    // Connections are closed before others are opened, so that the browser never holds too many.
    for (const [id, mode] of modes) if (mode === 'off' || mode === 'ask') this.#tiles.get(id)?.show(mode);
    for (const [id, mode] of modes) this.#tiles.get(id)?.show(mode);
  }

  #arrange() {
    if (this.#cameras.length === 0) return;
    const { top, width } = this.element.getBoundingClientRect();
    const bottom = Number.parseFloat(getComputedStyle(find(document, '#main', HTMLElement)).paddingBottom);
    const height = document.documentElement.clientHeight - (top + window.scrollY) - bottom;
    const tile = fitTiles(this.#cameras.length, { width, height }, GAP, commonAspect(this.#cameras));
    this.element.style.setProperty('--gap', `${GAP}px`);
    this.element.style.setProperty('--tile-width', `${tile.width}px`);
    this.element.style.setProperty('--tile-height', `${tile.height}px`);
  }

  /** @param {boolean} empty */
  #showEmpty(empty) {
    if (empty === Boolean(this.#empty)) return;
    this.#empty?.remove();
    this.#empty = empty ? emptyNotice() : null;
    if (this.#empty) this.element.append(this.#empty);
  }
}

function emptyNotice() {
  const notice = stamp('empty');
  find(notice, '.command', HTMLElement).textContent =
    `bramble-agent --hub nats://${location.hostname}:4222 --camera porch=pattern:`;
  return notice;
}
