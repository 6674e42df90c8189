// Dragging tiles to other places: with a mouse after a few pixels, with a finger after a long press, so that the page still scrolls.

const FAR_PX = 8;
const LONG_MS = 450;

/**
 * @typedef {object} DragEvents
 * @property {(id: string, target: string) => void} onMove the tile is over another one
 * @property {() => void} onDrop the tile stays where it is
 */

export class Drag {
  #within;
  #events;
  /** @type {HTMLElement | null} pressed, maybe dragged */
  #tile = null;
  #dragging = false;
  #from = { x: 0, y: 0 };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} within what contains the tiles
   * @param {DragEvents} events
   */
  constructor(within, events) {
    this.#within = within;
    this.#events = events;
    within.addEventListener('pointerdown', (e) => this.#press(e));
    within.addEventListener('pointermove', (e) => this.#move(e));
    within.addEventListener('pointerup', () => this.#release());
    within.addEventListener('pointercancel', () => this.#release());
    within.addEventListener('touchmove', (e) => { if (this.#dragging) e.preventDefault(); }, { passive: false });
    within.addEventListener('contextmenu', (e) => { if (this.#dragging) e.preventDefault(); });
  }

  /** @param {PointerEvent} e */
  #press(e) {
    if (e.button !== 0 || !e.isPrimary || !(e.target instanceof Element) || e.target.closest('button')) return;
    this.#tile = e.target.closest('.tile');
    this.#from = { x: e.clientX, y: e.clientY };
    if (e.pointerType === 'touch') this.#timer = setTimeout(() => this.#begin(e.pointerId), LONG_MS);
  }

  /** @param {PointerEvent} e */
  #move(e) {
    if (!this.#tile) return;
    const far = Math.hypot(e.clientX - this.#from.x, e.clientY - this.#from.y) > FAR_PX;
    if (!this.#dragging && far) {
      if (e.pointerType === 'touch') return this.#release(); // It scrolls.
      this.#begin(e.pointerId);
    }
    if (!this.#dragging) return;
    const over = document.elementsFromPoint(e.clientX, e.clientY).map((el) => el.closest('.tile')).find((tile) => tile && tile !== this.#tile);
    if (!(over instanceof HTMLElement) || !this.#within.contains(over)) return;
    const [id, target] = [this.#tile.dataset.camera, over.dataset.camera];
    if (id && target) this.#events.onMove(id, target);
  }

  /** @param {number} pointer */
  #begin(pointer) {
    if (!this.#tile) return;
    this.#dragging = true;
    this.#tile.classList.add('dragged');
    this.#within.classList.add('dragging');
    this.#within.setPointerCapture(pointer);
    this.#within.addEventListener('click', swallow, true);
  }

  #release() {
    clearTimeout(this.#timer);
    this.#tile?.classList.remove('dragged');
    this.#within.classList.remove('dragging');
    this.#tile = null;
    if (this.#dragging) this.#events.onDrop();
    setTimeout(() => this.#within.removeEventListener('click', swallow, true));
    this.#dragging = false;
  }
}

/** The click that ends a drag must not open the camera. @param {Event} e */
function swallow(e) {
  e.preventDefault();
  e.stopPropagation();
}
