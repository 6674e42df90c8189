// JPEGs, each drawn when it arrives.
import { decodeJPEG } from './decode.js';

/**
 * @typedef {import('./link.js').Link} Link
 * @typedef {import('./wire.js').Frame} Frame
 * @typedef {import('./player.js').Options} Options
 * @typedef {import('./player.js').PlayerEvents} PlayerEvents
 */

/** @implements {Player} */
export class JPEGPlayer {
  element = document.createElement('canvas');
  #link;
  #camera;
  #events;
  #context = this.element.getContext('bitmaprenderer');
  #watch;
  #decoding = false;
  /** Came while another was being decoded. @type {Frame | null} */
  #next = null;
  #stopped = false;

  /**
   * @param {Link} link
   * @param {string} camera
   * @param {Options} options
   * @param {PlayerEvents} events
   */
  constructor(link, camera, options, events) {
    this.#link = link;
    this.#camera = camera;
    this.#events = events;
    this.element.setAttribute('role', 'img');
    this.element.setAttribute('aria-label', `Live picture of ${camera}`);
    this.#watch = this.#open(options);
  }

  /** @param {Options} options */
  change(options) {
    if (this.#stopped) return;
    this.#watch.stop();
    this.#next = null;
    this.#watch = this.#open(options);
  }

  resume() {}

  stop() {
    this.#stopped = true;
    this.#next = null;
    this.#watch.stop();
    this.#context?.transferFromImageBitmap(null);
  }

  /** @param {Options} options */
  #open(options) {
    return this.#link.watch({ camera: this.#camera, kind: 'jpeg', ...options }, {
      onWatching: () => {},
      onFrame: (frame) => this.#take(frame),
      onQuiet: (reason) => this.#events.onTrouble(reason || 'No picture from the camera.'),
      onEnded: (problem) => this.#events.onTrouble(problem?.detail ?? '', problem?.status),
    });
  }

  /** @param {Frame} frame */
  #take(frame) {
    if (!this.#decoding) return void this.#show(frame);
    if (this.#next) this.#watch.ack();
    this.#next = frame;
  }

  /** @param {Frame} frame */
  async #show(frame) {
    this.#decoding = true;
    const watch = this.#watch;
    try {
      const bitmap = await decodeJPEG(frame.payload);
      if (this.#stopped) return bitmap.close();
      this.#draw(bitmap);
      this.#events.onPicture({ captured: frame.captured, arrived: frame.arrived, shownAt: this.#link.hubNow() });
    } catch {
      if (!this.#stopped) this.#events.onTrouble('The picture is broken.');
    } finally {
      watch.ack(); // Of a watch that is over it does nothing.
      this.#decoding = false;
      const next = this.#next;
      this.#next = null;
      if (next) void this.#show(next);
    }
  }

  /** @param {ImageBitmap} bitmap which the canvas takes over */
  #draw(bitmap) {
    const { element } = this;
    if (element.width !== bitmap.width) element.width = bitmap.width;
    if (element.height !== bitmap.height) element.height = bitmap.height;
    this.#context?.transferFromImageBitmap(bitmap);
  }
}

/** @typedef {import('./player.js').Player} Player */
