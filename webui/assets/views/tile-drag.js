// Drags tiles to other places: with a mouse after a few pixels, with a finger after a long press, so that the page
// still scrolls.

const START_PX = 8;
const LONG_PRESS_MS = 450;

/**
 * @typedef {object} TileDragEvents
 * @property {(id: string, target: string) => void} onMove Called when the tile is over another one.
 * @property {() => void} onDrop Called when the tile is released.
 */

export class TileDrag {
  #container;
  #events;
  /** @type {HTMLElement | null} the tile that is pressed or dragged */
  #tile = null;
  #dragging = false;
  #from = { x: 0, y: 0 };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} container contains the tiles
   * @param {TileDragEvents} events
   */
  constructor(container, events) {
    this.#container = container;
    this.#events = events;
    container.addEventListener('pointerdown', (e) => this.#onPointerDown(e));
    container.addEventListener('pointermove', (e) => this.#onPointerMove(e));
    container.addEventListener('pointerup', () => this.#onPointerUp());
    container.addEventListener('pointercancel', () => this.#onPointerUp());
    container.addEventListener('touchmove', (e) => { if (this.#dragging) e.preventDefault(); }, { passive: false });
    container.addEventListener('contextmenu', (e) => { if (this.#dragging) e.preventDefault(); });
  }

  /** @param {PointerEvent} e */
  #onPointerDown(e) {
    if (e.button !== 0 || !e.isPrimary || !(e.target instanceof Element) || e.target.closest('button')) return;
    this.#tile = e.target.closest('.tile');
    this.#from = { x: e.clientX, y: e.clientY };
    if (e.pointerType === 'touch') this.#timer = setTimeout(() => this.#startDrag(e.pointerId), LONG_PRESS_MS);
  }

  /** @param {PointerEvent} e */
  #onPointerMove(e) {
    if (!this.#tile) return;
    const far = Math.hypot(e.clientX - this.#from.x, e.clientY - this.#from.y) > START_PX;
    if (!this.#dragging && far) {
      if (e.pointerType === 'touch') return this.#onPointerUp(); // The page scrolls.
      this.#startDrag(e.pointerId);
    }
    if (!this.#dragging) return;
    const tiles = document.elementsFromPoint(e.clientX, e.clientY).map((el) => el.closest('.tile'));
    const over = tiles.find((tile) => tile && tile !== this.#tile);
    if (!(over instanceof HTMLElement) || !this.#container.contains(over)) return;
    const [id, target] = [this.#tile.dataset.camera, over.dataset.camera];
    if (id && target) this.#events.onMove(id, target);
  }

  /** @param {number} pointer */
  #startDrag(pointer) {
    if (!this.#tile) return;
    this.#dragging = true;
    this.#tile.classList.add('dragged');
    this.#container.classList.add('dragging');
    this.#container.setPointerCapture(pointer);
    this.#container.addEventListener('click', cancelClick, true);
  }

  #onPointerUp() {
    clearTimeout(this.#timer);
    this.#tile?.classList.remove('dragged');
    this.#container.classList.remove('dragging');
    this.#tile = null;
    if (this.#dragging) this.#events.onDrop();
    setTimeout(() => this.#container.removeEventListener('click', cancelClick, true));
    this.#dragging = false;
  }
}

/** Cancels the click at the end of a drag, which would open the camera. @param {Event} e */
function cancelClick(e) {
  e.preventDefault();
  e.stopPropagation();
}
