// Fragments into a <video>, by Media Source Extensions.
import { ROUNDING } from './live.js';
import { INIT } from './wire.js';

/** Seconds of video that are kept behind what is shown. */
const KEEP = 10;
/** Between two time lines, in seconds: nothing of the new one may touch the old one's last frame. */
const STEP = 0.01;

/** iPhones have only the managed one. */
const Source = globalThis.MediaSource ?? /** @type {any} */ (globalThis).ManagedMediaSource;

/**
 * @param {string} [mime]
 * @returns {boolean} whether this browser plays it; without a type, whether it might
 */
export function canFeed(mime) {
  return Boolean(Source) && (!mime || Source.isTypeSupported(mime));
}

/**
 * @typedef {import('./wire.js').Frame} Frame
 *
 * @typedef {object} FeedEvents
 * @property {(frame: Frame, time: number) => void} onAppended it is in the buffer, at this time of the video, in seconds
 * @property {(why: string) => void} onFailed no more can be appended
 */

export class Feed {
  #video;
  #events;
  /** @type {MediaSource & {streaming?: boolean}} */
  #source = new Source();
  /** @type {SourceBuffer | null} */
  #buffer = null;
  #mime = '';
  #bufferMime = '';
  /** No longer than the hub's window. @type {Frame[]} */
  #queue = [];
  /** @type {Frame | null} */
  #appending = null;
  #isFresh = true;
  /** From the stream's time line to the video's. */
  #offset = 0;
  /** Key frames in the buffer, in seconds of the video. @type {number[]} */
  #keys = [];
  #url = '';
  #ended = false;
  #pump = () => this.#next();
  #onUpdated = () => this.#updated();

  /**
   * @param {HTMLVideoElement} video
   * @param {FeedEvents} events
   */
  constructor(video, events) {
    this.#video = video;
    this.#events = events;
    this.#source.addEventListener('sourceopen', this.#pump);
    this.#source.addEventListener('startstreaming', this.#pump);
    video.disableRemotePlayback = true; // Else a managed source does not open.
    this.#url = URL.createObjectURL(this.#source);
    video.src = this.#url;
  }

  /**
   * What comes from here on has another type, or another time line, which then follows what is in the buffer.
   * @param {string} mime
   * @param {boolean} isFresh
   */
  begin(mime, isFresh) {
    this.#mime = mime;
    if (!isFresh) return;
    this.#queue = [];
    this.#isFresh = true;
  }

  /** @param {Frame} frame */
  push(frame) {
    this.#queue.push(frame);
    this.#next();
  }

  /** The end of what is in the buffer, in seconds; 0 if nothing is. */
  get end() {
    const ranges = this.#buffer?.buffered;
    return ranges?.length ? ranges.end(ranges.length - 1) : 0;
  }

  /** Takes everything from the video. */
  stop() {
    this.#ended = true;
    this.#queue = [];
    this.#source.removeEventListener('sourceopen', this.#pump);
    this.#source.removeEventListener('startstreaming', this.#pump);
    this.#buffer?.removeEventListener('updateend', this.#onUpdated);
    this.#buffer = null;
    URL.revokeObjectURL(this.#url);
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  /** Appends the next frame if the buffer is free. */
  #next() {
    if (this.#ended || this.#source.readyState !== 'open' || this.#source.streaming === false) return;
    if (this.#buffer?.updating || this.#appending) return;
    const frame = this.#queue[0];
    if (!frame || this.#trim(KEEP)) return;
    try {
      const buffer = this.#prepare(frame);
      buffer?.appendBuffer(frame.payload);
      this.#queue.shift();
      if (buffer) this.#appending = frame;
      else this.#events.onAppended(frame, 0);
    } catch (err) {
      if (err instanceof DOMException && err.name === 'QuotaExceededError' && this.#trim(0)) return;
      this.#events.onFailed(String(err));
    }
  }

  /**
   * @param {Frame} frame
   * @returns {SourceBuffer | null} null for a fragment without an init segment before it
   */
  #prepare(frame) {
    if (frame.type === INIT) {
      if (!this.#buffer) {
        URL.revokeObjectURL(this.#url);
        this.#buffer = this.#source.addSourceBuffer(this.#mime);
        this.#buffer.mode = 'segments';
        this.#buffer.addEventListener('updateend', this.#onUpdated);
      } else if (this.#mime !== this.#bufferMime) {
        this.#buffer.changeType(this.#mime);
      }
      this.#bufferMime = this.#mime;
    } else if (this.#isFresh && this.#buffer) {
      this.#isFresh = false;
      this.#offset = (this.end && this.end + STEP) - frame.mediaTime;
      this.#buffer.timestampOffset = this.#offset;
    }
    return this.#buffer;
  }

  #updated() {
    const frame = this.#appending;
    this.#appending = null;
    if (frame) {
      const time = frame.mediaTime + this.#offset;
      if (frame.key && frame.type !== INIT) this.#keys.push(time);
      this.#events.onAppended(frame, time);
    }
    this.#next();
  }

  /**
   * Removes what is long over. Only up to a key frame: a cut within a group of pictures takes the rest of the group along.
   * @param {number} keep seconds
   * @returns {boolean} whether the buffer is busy with it
   */
  #trim(keep) {
    const old = this.#video.currentTime - keep;
    let cut = 0;
    while ((this.#keys[1] ?? Infinity) <= old) {
      this.#keys.shift();
      cut = this.#keys[0] ?? 0;
    }
    if (cut === 0) return false;
    this.#buffer?.remove(0, cut - ROUNDING); // The key frame itself stays, or all that needs it would go.
    return true;
  }
}
