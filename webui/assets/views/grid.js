// The grid of all cameras.
import { find } from '../ui/dom.js';
import { TileDrag } from './tile-drag.js';
import { fitTiles, medianAspect, spacingFor } from './grid-layout.js';
import { noCamerasNotice, noMatchNotice } from './empty-state.js';
import { matchesView, moveCamera, neighborIndex, sortCameras } from './camera-order.js';
import { loadSetting, saveSetting } from '../ui/local-settings.js';
import { Tile } from './tile.js';
import { chooseFPS, chooseWidth } from '../player/stream-options.js';

/**
 * @typedef {import('../hub/protocol.js').Camera} Camera
 * @typedef {import('./view-state.js').ViewState} ViewState
 */

/** A new size or number of tiles requests other renditions only after this time without another change. */
const SETTLE_MS = 250;

export class Grid {
  element = document.createElement('section');
  #connection;
  #view;
  #onShowAll;
  /** @type {Camera[]} every camera of the hub */
  #all = [];
  /** @type {Camera[]} those of this view, in its order */
  #cameras = [];
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {Set<string>} ids of the cameras whose tile is on the screen */
  #visible = new Set();
  #intersection = new IntersectionObserver((entries) => this.#onIntersection(entries));
  #resize = new ResizeObserver(() => this.#layout());
  #order = loadSetting('order').split(' ').filter(Boolean);
  #columns = 1;
  #paused = true;
  #pictureWidth = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settleTimer;
  /** @type {HTMLElement | null} */
  #notice = null;
  #noticeKind = '';

  /**
   * @param {import('../hub/connection.js').HubConnection} connection
   * @param {ViewState} view
   * @param {() => void} onShowAll called when the user wants to see all cameras
   */
  constructor(connection, view, onShowAll) {
    this.#connection = connection;
    this.#view = view;
    this.#onShowAll = onShowAll;
    this.element.className = 'grid';
    this.element.setAttribute('aria-label', 'Cameras');
    this.#resize.observe(document.documentElement);
    this.#resize.observe(find(document, '.bar', HTMLElement));
    new TileDrag(this.element, { onMove: (id, target) => this.#move(id, target), onDrop: () => this.#saveOrder() });
  }

  /** @returns {Map<string, string>} the states that the tiles show, by id */
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
    this.#cameras = sortCameras(cameras.filter((c) => matchesView(c, this.#view)), this.#order);
    this.#reconcile();
    for (const camera of this.#cameras) this.#tiles.get(camera.id)?.update(camera);
    this.#updateNotice();
    this.#layout();
    this.#updateStreams();
  }

  markLost() {
    for (const tile of this.#tiles.values()) tile.markLost();
  }

  /** Removes all pictures until the next update. */
  pause() {
    this.#paused = true;
    for (const tile of this.#tiles.values()) tile.show(null);
  }

  /** Updates the tiles. Called about twice a second while the page is visible. */
  tick() {
    for (const id of this.#visible) this.#tiles.get(id)?.render();
  }

  /** @returns {string | null} the camera whose tile has the focus */
  get focused() {
    return document.activeElement?.closest('.tile')?.getAttribute('data-camera') ?? null;
  }

  /**
   * @param {KeyboardEvent} e
   * @returns {boolean} whether the grid uses the key
   */
  handleKey(e) {
    if (!['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'].includes(e.key)) return false;
    const ids = this.#cameras.map((c) => c.id);
    if (ids.length === 0) return false;
    const from = ids.indexOf(this.focused ?? '');
    const to = from < 0 ? 0 : neighborIndex(e.key, from, ids.length, this.#columns);
    if (e.altKey && from < 0) return false;
    if (e.altKey && from !== to) {
      this.#move(ids[from] ?? '', ids[to] ?? '');
      this.#saveOrder();
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
      // Moving a tile can interrupt its video, so a tile in its place stays untouched.
      const at = this.element.children[i] ?? null;
      if (at !== tile.element) this.element.insertBefore(tile.element, at);
    }
    const blurred = activeElement !== document.activeElement && activeElement?.isConnected;
    if (blurred && activeElement instanceof HTMLElement) activeElement.focus();
  }

  /** @param {string} id */
  #add(id) {
    const tile = new Tile(this.#connection, id);
    this.#tiles.set(id, tile);
    this.#intersection.observe(tile.element);
    return tile;
  }

  /**
   * @param {string} id
   * @param {Tile} tile
   */
  #remove(id, tile) {
    tile.show(null);
    this.#intersection.unobserve(tile.element);
    tile.element.remove();
    this.#tiles.delete(id);
    this.#visible.delete(id);
  }

  /**
   * @param {string} id
   * @param {string} target
   */
  #move(id, target) {
    this.#order = moveCamera(this.#order, this.#cameras.map((c) => c.id), id, target);
    this.#cameras = sortCameras(this.#cameras, this.#order);
    this.#reconcile();
  }

  #saveOrder() {
    saveSetting('order', this.#order.join(' '));
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #onIntersection(entries) {
    for (const { target, isIntersecting } of entries) {
      const id = target.getAttribute('data-camera') ?? '';
      if (isIntersecting && this.#tiles.has(id)) this.#visible.add(id);
      else this.#visible.delete(id);
    }
    this.#updateStreams();
  }

  /** Starts the streams of the tiles on the screen, at their size, and stops the others. */
  #updateStreams() {
    if (this.#paused) return;
    for (const [id, tile] of this.#tiles) {
      if (!this.#visible.has(id)) tile.show(null);
      else if (!tile.view.running) this.#requestStream(tile);
    }
    clearTimeout(this.#settleTimer);
    this.#settleTimer = setTimeout(() => {
      if (!this.#paused) for (const id of this.#visible) this.#requestStream(this.#tiles.get(id));
    }, SETTLE_MS);
  }

  /** @param {Tile | undefined} tile */
  #requestStream(tile) {
    if (!tile?.camera) return;
    const width = chooseWidth(this.#pictureWidth, window.devicePixelRatio, tile.camera.width);
    tile.show({ choice: 'auto', width, fps: chooseFPS(this.#visible.size, this.#view.fps) });
  }

  #layout() {
    const count = this.#cameras.length;
    if (count === 0) return;
    const { top, width } = this.element.getBoundingClientRect();
    const bottom = Number.parseFloat(getComputedStyle(find(document, '#main', HTMLElement)).paddingBottom);
    const height = document.documentElement.clientHeight - (top + window.scrollY) - bottom;
    const aspect = medianAspect(this.#cameras);
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
    if (changed) this.#updateStreams();
  }

  /** Shows why there are no tiles. */
  #updateNotice() {
    const kind = this.#cameras.length ? '' : this.#all.length ? `none ${this.#view.q} ${this.#view.group}` : 'empty';
    if (kind === this.#noticeKind) return;
    this.#noticeKind = kind;
    this.#notice?.remove();
    this.#notice = null;
    if (kind) this.#notice = kind === 'empty' ? noCamerasNotice() : noMatchNotice(this.#view, this.#onShowAll);
    if (this.#notice) this.element.append(this.#notice);
    this.element.classList.toggle('bare', this.#notice !== null);
  }
}
