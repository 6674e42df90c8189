// Plays JPEGs. Each is drawn when it arrives.
import { decodeJPEG } from './jpeg-decoder.js';

/**
 * @typedef {import('../hub/connection.js').HubConnection} HubConnection
 * @typedef {import('../hub/protocol.js').Frame} Frame
 * @typedef {import('./player.js').Player} Player
 * @typedef {import('./player.js').PlayerOptions} PlayerOptions
 * @typedef {import('./player.js').PlayerEvents} PlayerEvents
 */

/** @implements {Player} */
export class JPEGPlayer {
  element = document.createElement('canvas');
  #connection;
  #camera;
  #events;
  #context = this.element.getContext('bitmaprenderer');
  #subscription;
  #decoding = false;
  /** Arrived while another frame was being decoded. @type {Frame | null} */
  #next = null;
  #stopped = false;

  /**
   * @param {HubConnection} connection
   * @param {string} camera
   * @param {PlayerOptions} options
   * @param {PlayerEvents} events
   */
  constructor(connection, camera, options, events) {
    this.#connection = connection;
    this.#camera = camera;
    this.#events = events;
    this.element.setAttribute('role', 'img');
    this.element.setAttribute('aria-label', `Live picture of ${camera}`);
    this.#subscription = this.#subscribe(options);
  }

  /** @param {PlayerOptions} options */
  change(options) {
    if (this.#stopped) return;
    this.#subscription.stop();
    this.#next = null;
    this.#subscription = this.#subscribe(options);
  }

  resume() {}

  stop() {
    this.#stopped = true;
    this.#next = null;
    this.#subscription.stop();
    this.#context?.transferFromImageBitmap(null);
  }

  /** @param {PlayerOptions} options */
  #subscribe(options) {
    return this.#connection.subscribe({ camera: this.#camera, kind: 'jpeg', ...options }, {
      onWatching: () => {},
      onFrame: (frame) => this.#onFrame(frame),
      onQuiet: (reason) => this.#events.onError(reason || 'No picture from the camera.'),
      onEnded: (problem) => this.#events.onError(problem?.detail ?? '', problem?.status),
    });
  }

  /** @param {Frame} frame */
  #onFrame(frame) {
    if (!this.#decoding) return void this.#decode(frame);
    if (this.#next) this.#subscription.ack();
    this.#next = frame;
  }

  /** @param {Frame} frame */
  async #decode(frame) {
    this.#decoding = true;
    const subscription = this.#subscription;
    try {
      const bitmap = await decodeJPEG(frame.payload);
      if (this.#stopped) return bitmap.close();
      this.#draw(bitmap);
      this.#events.onPicture({ captured: frame.captured, arrived: frame.arrived, shownAt: this.#connection.hubNow() });
    } catch {
      if (!this.#stopped) this.#events.onError('The picture cannot be decoded.');
    } finally {
      subscription.ack(); // After stop this does nothing.
      this.#decoding = false;
      const next = this.#next;
      this.#next = null;
      if (next) void this.#decode(next);
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
