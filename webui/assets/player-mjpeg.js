// Motion JPEG: an <img> that the hub keeps replacing.
import { Retry } from './retry.js';

const WATCH_MS = 1000;
/** An <img> gives no event when its stream ends, so a picture that stands still for so many looks is asked for anew. */
const FROZEN_LOOKS = 5;
const FROZEN_MAX_LOOKS = 60;

/** @implements {Player} */
export class MJPEGPlayer {
  element = new Image();
  #url;
  #events;
  #retry = new Retry(() => this.#open());
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watch;
  #canvas = new OffscreenCanvas(64, 36);
  #print = 0;
  #still = 0;
  #patience = FROZEN_LOOKS;

  /**
   * @param {string} url
   * @param {string} alt
   * @param {PlayerEvents} events
   */
  constructor(url, alt, events) {
    this.#url = url;
    this.#events = events;
    this.element.alt = alt;
    this.element.addEventListener('load', () => this.#loaded());
    this.element.addEventListener('error', () => this.#failed());
    this.#open();
  }

  resume() {}

  stop() {
    this.#retry.stop();
    clearInterval(this.#watch);
    this.element.removeAttribute('src'); // Closes the connection; removing the element would not.
  }

  #open() {
    clearInterval(this.#watch);
    this.element.removeAttribute('src'); // Or the browser joins the stream it already has.
    this.element.src = this.#url;
  }

  #loaded() {
    this.#retry.succeeded();
    this.#events.onPicture();
    this.#still = 0;
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
  }

  #failed() {
    if (!this.element.hasAttribute('src')) return;
    this.#events.onTrouble('No picture from the hub. Trying again.');
    this.#retry.failed();
  }

  #look() {
    const print = fingerprint(this.element, this.#canvas);
    if (print !== this.#print) {
      this.#print = print;
      this.#still = 0;
      this.#patience = FROZEN_LOOKS;
    } else if (++this.#still >= this.#patience) {
      this.#patience = Math.min(this.#patience * 2, FROZEN_MAX_LOOKS); // The scene may really be that still.
      this.#open();
    }
  }
}

/**
 * A small digest of what an image shows now.
 * @param {HTMLImageElement} image
 * @param {OffscreenCanvas} canvas to draw on
 */
function fingerprint(image, canvas) {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context || !image.naturalWidth) return 0;
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  let hash = 0;
  for (const byte of context.getImageData(0, 0, canvas.width, canvas.height).data) hash = (hash * 31 + byte) | 0;
  return hash;
}

/**
 * @typedef {import('./player.js').Player} Player
 * @typedef {import('./player.js').PlayerEvents} PlayerEvents
 */
