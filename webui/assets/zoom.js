// Zoom and pan of a picture: wheel, pinch, drag, double click, and the keys + - 0 and arrows.

/** @typedef {{scale: number, x: number, y: number}} Place the picture is this much larger, its corner this many pixels from the box's */
/** @typedef {{width: number, height: number}} Box */
/** @typedef {{x: number, y: number}} Point */

const ZOOM_MAX = 10;
const ZOOM_STEP = 1.5;
const PAN_PX = 60;

/** @type {Place} */
export const WHOLE = { scale: 1, x: 0, y: 0 };

/**
 * Zooms so that what is at a point stays there. The picture never leaves the box.
 * @param {Place} place
 * @param {number} factor
 * @param {Point} at in the box
 * @param {Box} box
 * @returns {Place}
 */
export function zoomed(place, factor, at, box) {
  const scale = Math.min(ZOOM_MAX, Math.max(1, place.scale * factor));
  const grow = scale / place.scale;
  return within({ scale, x: at.x - (at.x - place.x) * grow, y: at.y - (at.y - place.y) * grow }, box);
}

/**
 * @param {Place} place
 * @param {number} dx
 * @param {number} dy
 * @param {Box} box
 * @returns {Place}
 */
export function panned(place, dx, dy, box) {
  return within({ ...place, x: place.x + dx, y: place.y + dy }, box);
}

/**
 * @param {Place} place
 * @param {Box} box
 * @returns {Place}
 */
function within({ scale, x, y }, { width, height }) {
  const held = (/** @type {number} */ at, /** @type {number} */ size) => Math.min(0, Math.max(size - size * scale, at));
  return { scale, x: held(x, width), y: held(y, height) };
}

export class Zoom {
  #box;
  #picture;
  #place = WHOLE;
  /** @type {Map<number, Point>} fingers, or the mouse's button */
  #pointers = new Map();

  /**
   * @param {HTMLElement} box what clips
   * @param {HTMLElement} picture what is moved in it
   */
  constructor(box, picture) {
    this.#box = box;
    this.#picture = picture;
    box.classList.add('zoomable');
    box.addEventListener('wheel', (e) => this.#wheel(e), { passive: false });
    box.addEventListener('dblclick', (e) => this.#set(this.#place.scale > 1 ? WHOLE : zoomed(this.#place, 2.5, this.#at(e), this.#size)));
    box.addEventListener('pointerdown', (e) => this.#down(e));
    box.addEventListener('pointermove', (e) => this.#move(e));
    for (const end of ['pointerup', 'pointercancel']) box.addEventListener(end, (e) => { if (e instanceof PointerEvent) this.#pointers.delete(e.pointerId); });
    new ResizeObserver(() => this.#set(panned(this.#place, 0, 0, this.#size))).observe(box);
  }

  in() { this.#step(ZOOM_STEP); }
  out() { this.#step(1 / ZOOM_STEP); }
  all() { this.#set(WHOLE); }

  /**
   * @param {string} key
   * @returns {boolean} whether it was one of these
   */
  key(key) {
    const moves = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });
    const move = this.#place.scale > 1 ? moves[key] : undefined;
    if (move) this.#set(panned(this.#place, move[0] * PAN_PX, move[1] * PAN_PX, this.#size));
    else if (key === '+' || key === '=') this.in();
    else if (key === '-') this.out();
    else if (key === '0') this.all();
    else return false;
    return true;
  }

  get #size() {
    return { width: this.#box.clientWidth, height: this.#box.clientHeight };
  }

  /** @param {number} factor */
  #step(factor) {
    const { width, height } = this.#size;
    this.#set(zoomed(this.#place, factor, { x: width / 2, y: height / 2 }, { width, height }));
  }

  /** @param {{clientX: number, clientY: number}} e */
  #at({ clientX, clientY }) {
    const { left, top } = this.#box.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  /** @param {WheelEvent} e */
  #wheel(e) {
    const lines = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const next = zoomed(this.#place, Math.exp(-e.deltaY * lines * (e.ctrlKey ? 0.01 : 0.002)), this.#at(e), this.#size);
    if (next.scale === this.#place.scale) return; // The page scrolls on.
    e.preventDefault();
    this.#set(next);
  }

  /** @param {PointerEvent} e */
  #down(e) {
    if (e.button !== 0 || (e.target instanceof Element && e.target.closest('button'))) return;
    this.#pointers.set(e.pointerId, this.#at(e));
    if (this.#place.scale > 1 || this.#pointers.size > 1) this.#box.setPointerCapture(e.pointerId);
  }

  /** @param {PointerEvent} e */
  #move(e) {
    const before = this.#pointers.get(e.pointerId);
    if (!before) return;
    const now = this.#at(e);
    const other = [...this.#pointers].find(([pointer]) => pointer !== e.pointerId)?.[1];
    this.#pointers.set(e.pointerId, now);
    if (!other) return this.#set(panned(this.#place, now.x - before.x, now.y - before.y, this.#size));
    const apart = (/** @type {Point} */ p) => Math.max(1, Math.hypot(p.x - other.x, p.y - other.y));
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    const moved = panned(this.#place, (now.x - before.x) / 2, (now.y - before.y) / 2, this.#size);
    this.#set(zoomed(moved, apart(now) / apart(before), middle, this.#size));
  }

  /** @param {Place} place */
  #set(place) {
    this.#place = place;
    const { scale, x, y } = place;
    this.#picture.style.transform = scale === 1 ? '' : `translate(${x}px, ${y}px) scale(${scale})`;
    this.#box.classList.toggle('zoomed', scale > 1);
  }
}
