// H.264, kept at the live edge.
import { Spare, Underway, catchUpRate } from './live.js';
import { Feed, canFeed } from './mse.js';
import { INIT } from './wire.js';

/** Seconds behind the newest frame that are not worth playing. */
const LOST = 1;
/** A video that shows nothing though so many frames and milliseconds have gone by does not play. */
const STALL_FRAMES = 8;
const STALL_MS = 5000;
/** After so long without trouble earlier failures no longer count. A busy computer stands still, too, so that once or twice says nothing about the browser. */
const HEALTHY_MS = 15_000;
const FAILURES = 3;
/** Old Firefoxes lack it. */
const HAS_CALLBACK = 'requestVideoFrameCallback' in HTMLVideoElement.prototype;

/**
 * @typedef {import('./link.js').Link} Link
 * @typedef {import('./wire.js').Frame} Frame
 * @typedef {import('./player.js').Player} Player
 * @typedef {import('./player.js').Options} Options
 * @typedef {import('./player.js').PlayerEvents} PlayerEvents
 */

/** @implements {Player} */
export class VideoPlayer {
  element = document.createElement('video');
  #link;
  #camera;
  #options;
  #events;
  /** @type {import('./watch.js').Watch | null} */
  #watch = null;
  /** @type {Feed | null} */
  #feed = null;
  #slot = 0;
  #spare = new Spare();
  #underway = new Underway();
  /** No frame of this time line has been shown yet. */
  #isFresh = true;
  #starting = false;
  #blocked = false;
  #stopped = false;
  /** The buffered end before the newest frame came, in seconds. */
  #end = 0;
  #time = 0;
  #stillSince = 0;
  #stillFrames = 0;
  #failures = 0;
  #openedAt = 0;
  #callback = 0;
  #onShown = (/** @type {number} */ _now, /** @type {VideoFrameCallbackMetadata} */ { mediaTime }) => {
    this.#callback = this.element.requestVideoFrameCallback(this.#onShown);
    this.#shown(mediaTime);
  };

  /** Whether this browser has what it takes. */
  static get isSupported() {
    return canFeed();
  }

  /**
   * @param {Link} link
   * @param {string} camera
   * @param {Options} options
   * @param {PlayerEvents} events
   */
  constructor(link, camera, options, events) {
    this.#link = link;
    this.#camera = camera;
    this.#options = options;
    this.#events = events;
    const video = this.element;
    video.muted = true;
    video.playsInline = true;
    video.disablePictureInPicture = true;
    video.setAttribute('aria-label', `Live picture of ${camera}`);
    video.addEventListener('error', () => this.#failed(`the browser says: ${video.error?.message || video.error?.code}`));
    if (HAS_CALLBACK) this.#callback = video.requestVideoFrameCallback(this.#onShown);
    else video.addEventListener('timeupdate', () => this.#shown(this.element.currentTime));
    if (canFeed()) this.#open();
    else queueMicrotask(() => this.#unplayable('This browser has no Media Source Extensions.'));
  }

  /** @param {Options} options */
  change(options) {
    this.#options = options;
    if (!this.#watch) return;
    this.#watch.stop();
    this.#watch = this.#ask();
  }

  resume() {
    this.#blocked = false;
    this.#play();
  }

  stop() {
    this.#stopped = true;
    this.#close();
    if (HAS_CALLBACK) this.element.cancelVideoFrameCallback(this.#callback);
  }

  #open() {
    this.#slot = 0;
    this.#end = 0;
    this.#openedAt = performance.now();
    this.#feed = new Feed(this.element, {
      onAppended: (frame, time) => this.#appended(frame, time),
      onFailed: (why) => this.#failed(why),
    });
    this.#watch = this.#ask();
  }

  #close() {
    this.#watch?.stop();
    this.#watch = null;
    this.#feed?.stop();
    this.#feed = null;
    this.#underway.clear();
    this.#spare.clear();
  }

  #ask() {
    const { width } = this.#options;
    return this.#link.watch({ camera: this.#camera, kind: 'mp4', ...(width ? { width } : {}) }, {
      onWatching: ({ slot, mime }) => this.#begin(slot, mime ?? ''),
      onFrame: (frame) => this.#feed?.push(frame),
      onQuiet: (reason) => this.#events.onTrouble(reason || 'No picture from the camera.'),
      onEnded: (problem) => this.#events.onTrouble(problem?.detail ?? '', problem?.status),
    });
  }

  /**
   * @param {number} slot
   * @param {string} mime
   */
  #begin(slot, mime) {
    if (!canFeed(mime)) return this.#unplayable(`This browser does not play ${mime}.`);
    const isFresh = slot !== this.#slot;
    this.#slot = slot;
    this.#feed?.begin(mime, isFresh);
    if (!isFresh) return;
    this.#isFresh = true;
    this.#underway.clear();
  }

  /**
   * @param {Frame} frame
   * @param {number} time
   */
  #appended(frame, time) {
    this.#watch?.ack();
    if (frame.type === INIT || !this.#feed) return;
    const { element: video } = this;
    const spare = this.#end - video.currentTime;
    this.#end = this.#feed.end;
    if (frame.history) return;
    this.#underway.add({ time, captured: frame.captured, arrived: frame.arrived });
    if (this.#isFresh || spare > LOST) this.#seek(time);
    else this.#follow(spare);
    if (video.paused) this.#play();
    this.#check();
  }

  /** @param {number} time of the newest frame */
  #seek(time) {
    this.#isFresh = false;
    this.#spare.clear();
    if (this.element.currentTime !== time) this.element.currentTime = time;
  }

  /** @param {number} spare seconds of video that were left when the newest frame came */
  #follow(spare) {
    if (this.element.seeking) return;
    const rate = catchUpRate(this.#spare.add(spare, performance.now()));
    if (this.element.playbackRate !== rate) this.element.playbackRate = rate;
  }

  #play() {
    if (this.#starting || this.#blocked || this.#stopped) return;
    this.#starting = true;
    this.element.play().catch((/** @type {unknown} */ refused) => {
      if (this.#stopped || !(refused instanceof DOMException) || refused.name !== 'NotAllowedError') return;
      this.#blocked = true;
      this.#events.onBlocked();
    }).finally(() => { this.#starting = false; });
  }

  /** Frames come: does the video go on? */
  #check() {
    const { currentTime, paused } = this.element;
    const now = performance.now();
    if (now - this.#openedAt > HEALTHY_MS) this.#failures = 0;
    this.#stillFrames += 1;
    if (currentTime !== this.#time || paused) {
      this.#time = currentTime;
      this.#stillSince = now;
      this.#stillFrames = 0;
    } else if (this.#stillFrames > STALL_FRAMES && now - this.#stillSince > STALL_MS) {
      this.#failed('it stands still');
    }
  }

  /** @param {number} time of the picture on the screen */
  #shown(time) {
    const frame = this.#underway.shown(time);
    if (frame && !this.#stopped) this.#events.onPicture({ captured: frame.captured, arrived: frame.arrived, shownAt: this.#link.hubNow() });
  }

  /** @param {string} why */
  #failed(why) {
    if (this.#stopped || !this.#feed) return;
    this.#failures += 1;
    if (this.#failures >= FAILURES) return this.#unplayable(`The video does not play: ${why}.`);
    this.#close();
    this.#events.onTrouble('The video stopped. Opening it again.');
    this.#open();
  }

  /** @param {string} why */
  #unplayable(why) {
    if (this.#stopped) return;
    this.#close();
    if (this.#events.onUnplayable) this.#events.onUnplayable(why);
    else this.#events.onTrouble(why);
  }
}
