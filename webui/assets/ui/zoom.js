// Zooms and pans a picture: by wheel, pinch, drag, double click, and the keys + - 0 and arrows.

/**
 * @typedef {object} Transform
 * @property {number} scale How much larger the picture is than the box.
 * @property {number} x Pixels from the box's left edge to the picture's.
 * @property {number} y Pixels from the box's upper edge to the picture's.
 *
 * @typedef {{width: number, height: number}} Box
 * @typedef {{x: number, y: number}} Point
 */

const ZOOM_MAX = 10;
const ZOOM_STEP = 1.5;
const DOUBLE_CLICK_ZOOM = 2.5;
const PAN_PX = 60;
/** Directions of the picture. @type {Record<string, [number, number]>} */
const PAN_KEYS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** @type {Transform} */
export const FIT = { scale: 1, x: 0, y: 0 };

/**
 * Zooms around a point, which stays where it is. The picture always fills the box.
 * @param {Transform} transform
 * @param {number} factor
 * @param {Point} at in the box
 * @param {Box} box
 * @returns {Transform}
 */
export function zoomAt(transform, factor, at, box) {
  const scale = Math.min(ZOOM_MAX, Math.max(1, transform.scale * factor));
  const grow = scale / transform.scale;
  return clampToBox({ scale, x: at.x - (at.x - transform.x) * grow, y: at.y - (at.y - transform.y) * grow }, box);
}

/**
 * @param {Transform} transform
 * @param {number} dx
 * @param {number} dy
 * @param {Box} box
 * @returns {Transform}
 */
export function panBy(transform, dx, dy, box) {
  return clampToBox({ ...transform, x: transform.x + dx, y: transform.y + dy }, box);
}

/**
 * @param {Transform} transform
 * @param {Box} box
 * @returns {Transform}
 */
function clampToBox({ scale, x, y }, { width, height }) {
  /** @param {number} at @param {number} size */
  const clamped = (at, size) => Math.min(0, Math.max(size - size * scale, at));
  return { scale, x: clamped(x, width), y: clamped(y, height) };
}

export class Zoom {
  #box;
  #picture;
  #transform = FIT;
  /** @type {Map<number, Point>} pressed pointers: fingers, or the mouse */
  #pointers = new Map();

  /**
   * @param {HTMLElement} box clips the picture
   * @param {HTMLElement} picture is moved in the box
   */
  constructor(box, picture) {
    this.#box = box;
    this.#picture = picture;
    box.classList.add('zoomable');
    box.addEventListener('wheel', (e) => this.#onWheel(e), { passive: false });
    box.addEventListener('dblclick', (e) => this.#onDoubleClick(e));
    box.addEventListener('pointerdown', (e) => this.#onPointerDown(e));
    box.addEventListener('pointermove', (e) => this.#onPointerMove(e));
    box.addEventListener('pointerup', (e) => { this.#pointers.delete(e.pointerId); });
    box.addEventListener('pointercancel', (e) => { this.#pointers.delete(e.pointerId); });
    new ResizeObserver(() => this.#set(panBy(this.#transform, 0, 0, this.#size))).observe(box);
  }

  in() { this.#step(ZOOM_STEP); }
  out() { this.#step(1 / ZOOM_STEP); }
  reset() { this.#set(FIT); }

  /**
   * @param {string} key
   * @returns {boolean} whether the key zooms or pans
   */
  handleKey(key) {
    const move = this.#transform.scale > 1 ? PAN_KEYS[key] : undefined;
    if (move) this.#set(panBy(this.#transform, move[0] * PAN_PX, move[1] * PAN_PX, this.#size));
    else if (key === '+' || key === '=') this.in();
    else if (key === '-') this.out();
    else if (key === '0') this.reset();
    else return false;
    return true;
  }

  get #size() {
    return { width: this.#box.clientWidth, height: this.#box.clientHeight };
  }

  /** @param {number} factor */
  #step(factor) {
    const { width, height } = this.#size;
    this.#set(zoomAt(this.#transform, factor, { x: width / 2, y: height / 2 }, { width, height }));
  }

  /** @param {{clientX: number, clientY: number}} e */
  #pointIn({ clientX, clientY }) {
    const { left, top } = this.#box.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  /** @param {MouseEvent} e */
  #onDoubleClick(e) {
    const zoomedIn = this.#transform.scale > 1;
    this.#set(zoomedIn ? FIT : zoomAt(this.#transform, DOUBLE_CLICK_ZOOM, this.#pointIn(e), this.#size));
  }

  /** @param {WheelEvent} e */
  #onWheel(e) {
    const lines = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const factor = Math.exp(-e.deltaY * lines * (e.ctrlKey ? 0.01 : 0.002));
    const next = zoomAt(this.#transform, factor, this.#pointIn(e), this.#size);
    if (next.scale === this.#transform.scale) return; // The page scrolls on.
    e.preventDefault();
    this.#set(next);
  }

  /** @param {PointerEvent} e */
  #onPointerDown(e) {
    if (e.button !== 0 || (e.target instanceof Element && e.target.closest('button'))) return;
    this.#pointers.set(e.pointerId, this.#pointIn(e));
    if (this.#transform.scale > 1 || this.#pointers.size > 1) this.#box.setPointerCapture(e.pointerId);
  }

  /** @param {PointerEvent} e */
  #onPointerMove(e) {
    const before = this.#pointers.get(e.pointerId);
    if (!before) return;
    const now = this.#pointIn(e);
    const other = [...this.#pointers].find(([pointer]) => pointer !== e.pointerId)?.[1];
    this.#pointers.set(e.pointerId, now);
    if (!other) return this.#set(panBy(this.#transform, now.x - before.x, now.y - before.y, this.#size));
    const apart = (/** @type {Point} */ p) => Math.max(1, Math.hypot(p.x - other.x, p.y - other.y));
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    const moved = panBy(this.#transform, (now.x - before.x) / 2, (now.y - before.y) / 2, this.#size);
    this.#set(zoomAt(moved, apart(now) / apart(before), middle, this.#size));
  }

  /** @param {Transform} transform */
  #set(transform) {
    this.#transform = transform;
    const { scale, x, y } = transform;
    this.#picture.style.transform = scale === 1 ? '' : `translate(${x}px, ${y}px) scale(${scale})`;
    this.#box.classList.toggle('zoomed', scale > 1);
  }
}
