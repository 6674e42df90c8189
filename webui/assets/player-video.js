// H.264 in an endless fragmented MP4, kept near the newest frame.
import { Retry } from './retry.js';

const WATCH_MS = 250;
/**
 * How many looks in a row may find no progress: 12 s before the first picture, since an idle camera has to start, then 3 s.
 * Looks are counted instead of time, so that a browser too busy to look does not blame the stream.
 */
const FIRST_LOOKS = 48;
const STALL_LOOKS = 12;
/** Seconds behind the newest frame: fine up to here, hurry from here on, run from here on, seek from here on. */
const NEAR = 0.5;
const BEHIND = 0.8;
const FAR = 1.5;
const LOST = 3;

/**
 * How fast to play when so many seconds behind the newest frame.
 * @param {number} lag
 */
export function catchUpRate(lag) {
  if (lag > FAR) return 1.5;
  if (lag > BEHIND) return 1.15;
  return lag > NEAR ? 1.05 : 1;
}

/** @implements {Player} */
export class VideoPlayer {
  element = document.createElement('video');
  #url;
  #events;
  #retry = new Retry(() => this.#open());
  #watch;
  #time = 0;
  #still = 0;
  #isOpen = false;

  /**
   * @param {string} url
   * @param {string} label
   * @param {PlayerEvents} events
   */
  constructor(url, label, events) {
    this.#url = url;
    this.#events = events;
    const video = this.element;
    video.muted = true;
    video.autoplay = true;
    video.playsInline = true;
    video.disableRemotePlayback = true;
    video.disablePictureInPicture = true;
    video.setAttribute('aria-label', label);
    // Autoplay alone waits until seconds are buffered, and never starts outside the screen.
    video.addEventListener('loadedmetadata', () => this.resume());
    video.addEventListener('error', () => this.#failed('The video does not start. Trying again.'));
    video.addEventListener('ended', () => this.#failed('The stream ended. Opening it again.'));
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
    this.#open();
  }

  resume() {
    this.element.play().catch((/** @type {unknown} */ refused) => {
      if (refused instanceof DOMException && refused.name === 'NotAllowedError') this.#events.onBlocked();
    });
  }

  stop() {
    this.#retry.stop();
    clearInterval(this.#watch);
    this.#close();
  }

  #open() {
    this.#time = 0;
    this.#still = 0;
    this.#isOpen = true;
    this.element.src = this.#url;
  }

  #close() {
    this.#isOpen = false;
    this.element.removeAttribute('src');
    this.element.load(); // Without it the connection stays open.
  }

  /** @param {string} why */
  #failed(why) {
    if (!this.#isOpen) return;
    this.#close();
    this.#events.onTrouble(this.#retry.failures < 3 ? why : 'This browser may not play the stream. Trying again.');
    this.#retry.failed();
  }

  #look() {
    if (!this.#isOpen) return;
    const video = this.element;
    if (video.currentTime > this.#time) {
      if (this.#time === 0) this.#events.onPicture();
      this.#time = video.currentTime;
      this.#still = 0;
      this.#retry.succeeded();
      this.#followLive();
    } else if (++this.#still > (this.#time === 0 ? FIRST_LOOKS : STALL_LOOKS)) {
      this.#failed('The video stopped. Opening it again.');
    }
  }

  #followLive() {
    const video = this.element;
    const { buffered, seekable } = video;
    const end = buffered.length ? buffered.end(buffered.length - 1) : video.currentTime;
    const lag = end - video.currentTime;
    // Chromium cannot seek in an endless response, and there the higher rate has to do.
    if (lag > LOST && seekable.length && seekable.end(seekable.length - 1) >= end) video.currentTime = end - NEAR / 2;
    const rate = catchUpRate(lag);
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }
}

/**
 * @typedef {import('./player.js').Player} Player
 * @typedef {import('./player.js').PlayerEvents} PlayerEvents
 */
