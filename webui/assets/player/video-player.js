// Plays H.264 and keeps it at the live edge.
import { INIT } from '../hub/protocol.js';
import { BufferMargin, PendingFrames, catchUpRate } from './live-edge.js';
import { MSEBuffer, supportsMSE } from './mse-buffer.js';

/** Farther behind the newest frame than this many seconds, the video seeks instead of catching up. */
const SEEK_S = 1;
/** The video counts as stalled when its time stands still for this many frames and milliseconds. */
const STALL_FRAMES = 8;
const STALL_MS = 5000;
/** After this long without a failure, earlier failures no longer count. */
const HEALTHY_MS = 15_000;
/** A busy computer stalls a video too, so one or two failures say nothing about the browser. */
const MAX_FAILURES = 3;
/** Old Firefoxes lack it. */
const HAS_FRAME_CALLBACK = 'requestVideoFrameCallback' in HTMLVideoElement.prototype;

/**
 * @typedef {import('../hub/connection.js').HubConnection} HubConnection
 * @typedef {import('../hub/protocol.js').Frame} Frame
 * @typedef {import('./player.js').Player} Player
 * @typedef {import('./player.js').PlayerOptions} PlayerOptions
 * @typedef {import('./player.js').PlayerEvents} PlayerEvents
 */

/** @implements {Player} */
export class VideoPlayer {
  element = document.createElement('video');
  #connection;
  #camera;
  #options;
  #events;
  /** @type {import('../hub/subscription.js').Subscription | null} */
  #subscription = null;
  /** @type {MSEBuffer | null} */
  #buffer = null;
  #slot = 0;
  #margin = new BufferMargin();
  #pending = new PendingFrames();
  /** No frame of this time line has been shown yet. */
  #newTimeline = true;
  #playPending = false;
  #blocked = false;
  #stopped = false;
  /** The buffered end before the newest frame was appended, in seconds. */
  #end = 0;
  #time = 0;
  #stillSince = 0;
  #stillFrames = 0;
  #failures = 0;
  #openedAt = 0;
  #callback = 0;
  #onVideoFrame = (/** @type {number} */ _now, /** @type {VideoFrameCallbackMetadata} */ { mediaTime }) => {
    this.#callback = this.element.requestVideoFrameCallback(this.#onVideoFrame);
    this.#onShown(mediaTime);
  };

  /** Whether this browser has Media Source Extensions. */
  static get isSupported() {
    return supportsMSE();
  }

  /**
   * @param {HubConnection} connection
   * @param {string} camera
   * @param {PlayerOptions} options
   * @param {PlayerEvents} events
   */
  constructor(connection, camera, options, events) {
    this.#connection = connection;
    this.#camera = camera;
    this.#options = options;
    this.#events = events;
    const video = this.element;
    video.muted = true;
    video.playsInline = true;
    video.disablePictureInPicture = true;
    video.setAttribute('aria-label', `Live picture of ${camera}`);
    video.addEventListener('error', () => {
      this.#onFailed(`the browser says: ${video.error?.message || video.error?.code}`);
    });
    if (HAS_FRAME_CALLBACK) this.#callback = video.requestVideoFrameCallback(this.#onVideoFrame);
    else video.addEventListener('timeupdate', () => this.#onShown(this.element.currentTime));
    if (supportsMSE()) this.#open();
    else queueMicrotask(() => this.#onUnplayable('This browser has no Media Source Extensions.'));
  }

  /** @param {PlayerOptions} options */
  change(options) {
    this.#options = options;
    if (!this.#subscription) return;
    this.#subscription.stop();
    this.#subscription = this.#subscribe();
  }

  resume() {
    this.#blocked = false;
    this.#play();
  }

  stop() {
    this.#stopped = true;
    this.#close();
    if (HAS_FRAME_CALLBACK) this.element.cancelVideoFrameCallback(this.#callback);
  }

  #open() {
    this.#slot = 0;
    this.#end = 0;
    this.#openedAt = performance.now();
    this.#buffer = new MSEBuffer(this.element, {
      onAppended: (frame, time) => this.#onAppended(frame, time),
      onFailed: (reason) => this.#onFailed(reason),
    });
    this.#subscription = this.#subscribe();
  }

  #close() {
    this.#subscription?.stop();
    this.#subscription = null;
    this.#buffer?.stop();
    this.#buffer = null;
    this.#pending.clear();
    this.#margin.clear();
  }

  #subscribe() {
    const { width } = this.#options;
    return this.#connection.subscribe({ camera: this.#camera, kind: 'mp4', ...(width ? { width } : {}) }, {
      onWatching: ({ slot, mime }) => this.#onWatching(slot, mime ?? ''),
      onFrame: (frame) => this.#buffer?.push(frame),
      onQuiet: (reason) => this.#events.onError(reason || 'No picture from the camera.'),
      onEnded: (problem) => this.#events.onError(problem?.detail ?? '', problem?.status),
    });
  }

  /**
   * @param {number} slot
   * @param {string} mime
   */
  #onWatching(slot, mime) {
    if (!supportsMSE(mime)) return this.#onUnplayable(`This browser does not play ${mime}.`);
    const newTimeline = slot !== this.#slot;
    this.#slot = slot;
    this.#buffer?.configure(mime, newTimeline);
    if (!newTimeline) return;
    this.#newTimeline = true;
    this.#pending.clear();
  }

  /**
   * @param {Frame} frame
   * @param {number} time
   */
  #onAppended(frame, time) {
    this.#subscription?.ack();
    if (frame.type === INIT || !this.#buffer) return;
    const { element: video } = this;
    const margin = this.#end - video.currentTime;
    this.#end = this.#buffer.end;
    if (frame.history) return;
    this.#pending.add({ time, captured: frame.captured, arrived: frame.arrived });
    if (this.#newTimeline || margin > SEEK_S) this.#seek(time);
    else this.#adjustRate(margin);
    if (video.paused) this.#play();
    this.#checkProgress();
  }

  /** @param {number} time of the newest frame */
  #seek(time) {
    this.#newTimeline = false;
    this.#margin.clear();
    if (this.element.currentTime !== time) this.element.currentTime = time;
  }

  /** @param {number} margin seconds of video that were left when the newest frame was appended */
  #adjustRate(margin) {
    if (this.element.seeking) return;
    const rate = catchUpRate(this.#margin.add(margin, performance.now()));
    if (this.element.playbackRate !== rate) this.element.playbackRate = rate;
  }

  #play() {
    if (this.#playPending || this.#blocked || this.#stopped) return;
    this.#playPending = true;
    this.element.play().catch((/** @type {unknown} */ err) => {
      if (this.#stopped || !(err instanceof DOMException) || err.name !== 'NotAllowedError') return;
      this.#blocked = true;
      this.#events.onBlocked();
    }).finally(() => { this.#playPending = false; });
  }

  /** Frames arrive: checks that the video's time advances. */
  #checkProgress() {
    const { currentTime, paused } = this.element;
    const now = performance.now();
    if (now - this.#openedAt > HEALTHY_MS) this.#failures = 0;
    this.#stillFrames += 1;
    if (currentTime !== this.#time || paused) {
      this.#time = currentTime;
      this.#stillSince = now;
      this.#stillFrames = 0;
    } else if (this.#stillFrames > STALL_FRAMES && now - this.#stillSince > STALL_MS) {
      this.#onFailed('it does not advance');
    }
  }

  /** @param {number} time of the picture on the screen */
  #onShown(time) {
    const frame = this.#pending.takeShown(time);
    if (!frame || this.#stopped) return;
    this.#events.onPicture({ captured: frame.captured, arrived: frame.arrived, shownAt: this.#connection.hubNow() });
  }

  /** @param {string} reason */
  #onFailed(reason) {
    if (this.#stopped || !this.#buffer) return;
    this.#failures += 1;
    if (this.#failures >= MAX_FAILURES) return this.#onUnplayable(`The video does not play: ${reason}.`);
    this.#close();
    this.#events.onError('The video stopped. Restarting it.');
    this.#open();
  }

  /** @param {string} reason */
  #onUnplayable(reason) {
    if (this.#stopped) return;
    this.#close();
    if (this.#events.onUnplayable) this.#events.onUnplayable(reason);
    else this.#events.onError(reason);
  }
}
