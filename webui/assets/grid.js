// All cameras at once.
import { find } from './dom.js';
import { Drag } from './drag.js';
import { commonAspect, fitTiles, spacingFor } from './layout.js';
import { emptyNotice, noneNotice } from './notices.js';
import { arrange, matches, moved, neighbour } from './order.js';
import { recall, remember } from './store.js';
import { Tile } from './tile.js';
import { wishedFPS, wishedWidth } from './wish.js';

/**
 * @typedef {import('./api.js').Camera} Camera
 * @typedef {import('./view-state.js').ViewState} ViewState
 */

/** Tiles that change their size or number again and again would ask for another rendition each time. */
const SETTLE_MS = 250;

export class Grid {
  element = document.createElement('section');
  #link;
  #view;
  #onAll;
  /** @type {Camera[]} every camera of the hub */
  #all = [];
  /** @type {Camera[]} those of this view, in its order */
  #cameras = [];
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {Set<string>} cameras whose tile is on the screen */
  #visible = new Set();
  #sight = new IntersectionObserver((entries) => this.#sighted(entries));
  #resized = new ResizeObserver(() => this.#arrange());
  #order = recall('order').split(' ').filter(Boolean);
  #columns = 1;
  #paused = true;
  #pictureWidth = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;
  /** @type {HTMLElement | null} */
  #notice = null;
  #noticeKind = '';

  /**
   * @param {import('./link.js').Link} link
   * @param {ViewState} view
   * @param {() => void} onAll somebody wants to see all cameras
   */
  constructor(link, view, onAll) {
    this.#link = link;
    this.#view = view;
    this.#onAll = onAll;
    this.element.className = 'grid';
    this.element.setAttribute('aria-label', 'Cameras');
    this.#resized.observe(document.documentElement);
    this.#resized.observe(find(document, '.bar', HTMLElement));
    new Drag(this.element, { onMove: (id, target) => this.#move(id, target), onDrop: () => this.#keepOrder() });
  }

  /** @returns {Map<string, string>} what the tiles say, by id */
  get states() {
    return new Map(this.#cameras.map((c) => [c.id, this.#tiles.get(c.id)?.state ?? c.state]));
  }

  /** @param {ViewState} view */
  set view(view) {
    this.#view = view;
    this.update(this.#all);
  }

  /** @param {Camera[]} cameras */
  update(cameras) {
    this.#paused = false;
    this.#all = cameras;
    this.#cameras = arrange(cameras.filter((c) => matches(c, this.#view)), this.#order);
    this.#reconcile();
    for (const camera of this.#cameras) this.#tiles.get(camera.id)?.update(camera);
    this.#notify();
    this.#arrange();
    this.#share();
  }

  lose() {
    for (const tile of this.#tiles.values()) tile.lose();
  }

  /** Takes all pictures away until the next update. */
  pause() {
    this.#paused = true;
    for (const tile of this.#tiles.values()) tile.show(null);
  }

  /** To be called about twice a second while somebody looks. */
  tick() {
    for (const id of this.#visible) this.#tiles.get(id)?.render();
  }

  /** @returns {string | null} the camera whose tile has the focus */
  get focused() {
    return document.activeElement?.closest('.tile')?.getAttribute('data-camera') ?? null;
  }

  /**
   * @param {KeyboardEvent} e
   * @returns {boolean} whether it was one of the grid's
   */
  key(e) {
    if (!['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'].includes(e.key)) return false;
    const ids = this.#cameras.map((c) => c.id);
    if (ids.length === 0) return false;
    const from = ids.indexOf(this.focused ?? '');
    const to = from < 0 ? 0 : neighbour(e.key, from, ids.length, this.#columns);
    if (e.altKey && from < 0) return false;
    if (e.altKey && from !== to) {
      this.#move(ids[from] ?? '', ids[to] ?? '');
      this.#keepOrder();
    }
    const link = this.#tiles.get(ids[e.altKey ? from : to] ?? '')?.link;
    link?.focus();
    link?.scrollIntoView({ block: 'nearest' });
    return true;
  }

  #reconcile() {
    const ids = new Set(this.#cameras.map((c) => c.id));
    for (const [id, tile] of this.#tiles) {
      if (!ids.has(id)) this.#remove(id, tile);
    }
    const { activeElement } = document;
    for (const [i, { id }] of this.#cameras.entries()) {
      const tile = this.#tiles.get(id) ?? this.#add(id);
      // Moving a tile can interrupt its video, so one that is in its place stays untouched.
      if (this.element.children[i] !== tile.element) this.element.insertBefore(tile.element, this.element.children[i] ?? null);
    }
    if (activeElement instanceof HTMLElement && activeElement !== document.activeElement && activeElement.isConnected) activeElement.focus();
  }

  /** @param {string} id */
  #add(id) {
    const tile = new Tile(this.#link, id);
    this.#tiles.set(id, tile);
    this.#sight.observe(tile.element);
    return tile;
  }

  /**
   * @param {string} id
   * @param {Tile} tile
   */
  #remove(id, tile) {
    tile.show(null);
    this.#sight.unobserve(tile.element);
    tile.element.remove();
    this.#tiles.delete(id);
    this.#visible.delete(id);
  }

  /**
   * @param {string} id
   * @param {string} target
   */
  #move(id, target) {
    this.#order = moved(this.#order, this.#cameras.map((c) => c.id), id, target);
    this.#cameras = arrange(this.#cameras, this.#order);
    this.#reconcile();
  }

  #keepOrder() {
    remember('order', this.#order.join(' '));
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #sighted(entries) {
    for (const { target, isIntersecting } of entries) {
      const id = target.getAttribute('data-camera') ?? '';
      if (isIntersecting && this.#tiles.has(id)) this.#visible.add(id);
      else this.#visible.delete(id);
    }
    this.#share();
  }

  /** Lets the tiles on the screen show what fits them, and the others nothing. */
  #share() {
    if (this.#paused) return;
    for (const [id, tile] of this.#tiles) {
      if (!this.#visible.has(id)) tile.show(null);
      else if (!tile.screen.running) this.#ask(tile);
    }
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      if (!this.#paused) for (const id of this.#visible) this.#ask(this.#tiles.get(id));
    }, SETTLE_MS);
  }

  /** @param {Tile | undefined} tile */
  #ask(tile) {
    if (!tile?.camera) return;
    const width = wishedWidth(this.#pictureWidth, window.devicePixelRatio, tile.camera.width);
    tile.show({ choice: 'auto', width, fps: wishedFPS(this.#visible.size, this.#view.fps) });
  }

  #arrange() {
    const count = this.#cameras.length;
    if (count === 0) return;
    const { top, width } = this.element.getBoundingClientRect();
    const bottom = Number.parseFloat(getComputedStyle(find(document, '#main', HTMLElement)).paddingBottom);
    const height = document.documentElement.clientHeight - (top + window.scrollY) - bottom;
    const aspect = commonAspect(this.#cameras);
    const spacing = spacingFor(count, width);
    const tile = fitTiles(count, { width, height }, spacing, aspect, this.#view.cols);
    const { style } = this.element;
    style.setProperty('--gap', `${spacing.gap}px`);
    style.setProperty('--caption', `${spacing.caption}px`);
    style.setProperty('--columns', String(tile.columns));
    style.setProperty('--tile-width', `${tile.width}px`);
    style.setProperty('--tile-height', `${tile.height}px`);
    this.#columns = tile.columns;
    const changed = this.#pictureWidth !== tile.width;
    this.#pictureWidth = Math.min(tile.width, (tile.height - spacing.caption) * aspect);
    if (changed) this.#share();
  }

  /** Says why there are no tiles. */
  #notify() {
    const kind = this.#cameras.length ? '' : this.#all.length ? `none ${this.#view.q} ${this.#view.group}` : 'empty';
    if (kind === this.#noticeKind) return;
    this.#noticeKind = kind;
    this.#notice?.remove();
    this.#notice = kind === '' ? null : kind === 'empty' ? emptyNotice() : noneNotice(this.#view, this.#onAll);
    if (this.#notice) this.element.append(this.#notice);
    this.element.classList.toggle('bare', this.#notice !== null);
  }
}
