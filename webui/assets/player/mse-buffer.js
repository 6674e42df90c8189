// Appends MP4 fragments to a <video>, by Media Source Extensions.
import { INIT } from '../hub/protocol.js';
import { ROUNDING_S } from './live-edge.js';

/** Seconds of video that stay in the buffer behind the picture on the screen. */
const KEEP_S = 10;
/** Seconds between two time lines, so that nothing of the new one overwrites the last frame of the old one. */
const TIMELINE_GAP_S = 0.01;

/** iPhones have only the managed class. */
const MediaSourceClass = globalThis.MediaSource ?? /** @type {any} */ (globalThis).ManagedMediaSource;

/**
 * @param {string} [mime]
 * @returns {boolean} whether this browser plays the media type; without one, whether it has Media Source Extensions
 */
export function supportsMSE(mime) {
  return Boolean(MediaSourceClass) && (!mime || MediaSourceClass.isTypeSupported(mime));
}

/**
 * @typedef {import('../hub/protocol.js').Frame} Frame
 *
 * @typedef {object} MSEBufferEvents
 * @property {(frame: Frame, time: number) => void} onAppended Called when a frame is in the buffer, with its time in
 *   the video in seconds.
 * @property {(reason: string) => void} onFailed Called when nothing more can be appended.
 */

export class MSEBuffer {
  #video;
  #events;
  /** @type {MediaSource & {streaming?: boolean}} */
  #source = new MediaSourceClass();
  /** @type {SourceBuffer | null} */
  #buffer = null;
  /** Type of the frames that are pushed, and of those that the buffer expects. */
  #mime = '';
  #bufferMime = '';
  /** Never longer than the hub's window. @type {Frame[]} */
  #queue = [];
  /** @type {Frame | null} */
  #appending = null;
  /** The next fragment begins a time line. */
  #newTimeline = true;
  /** Seconds from the stream's time line to the video's. */
  #offset = 0;
  /** Times of the key frames in the buffer, seconds of the video. @type {number[]} */
  #keyTimes = [];
  #url = '';
  #stopped = false;
  #onReady = () => this.#appendNext();
  #onUpdateEnd = () => this.#appended();

  /**
   * @param {HTMLVideoElement} video
   * @param {MSEBufferEvents} events
   */
  constructor(video, events) {
    this.#video = video;
    this.#events = events;
    this.#source.addEventListener('sourceopen', this.#onReady);
    this.#source.addEventListener('startstreaming', this.#onReady);
    video.disableRemotePlayback = true; // Without this a managed source does not open.
    this.#url = URL.createObjectURL(this.#source);
    video.src = this.#url;
  }

  /**
   * Sets the type of the frames that follow, and whether they begin a new time line. A new time line continues at the
   * buffer's end.
   * @param {string} mime
   * @param {boolean} newTimeline
   */
  configure(mime, newTimeline) {
    this.#mime = mime;
    if (!newTimeline) return;
    this.#queue = [];
    this.#newTimeline = true;
  }

  /** @param {Frame} frame */
  push(frame) {
    this.#queue.push(frame);
    this.#appendNext();
  }

  /** The end of the buffered video in seconds; 0 if the buffer is empty. */
  get end() {
    const ranges = this.#buffer?.buffered;
    return ranges?.length ? ranges.end(ranges.length - 1) : 0;
  }

  /** Detaches from the video and frees everything. */
  stop() {
    this.#stopped = true;
    this.#queue = [];
    this.#source.removeEventListener('sourceopen', this.#onReady);
    this.#source.removeEventListener('startstreaming', this.#onReady);
    this.#buffer?.removeEventListener('updateend', this.#onUpdateEnd);
    this.#buffer = null;
    URL.revokeObjectURL(this.#url);
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  /** Appends the next frame if the buffer is not busy. */
  #appendNext() {
    if (this.#stopped || this.#source.readyState !== 'open' || this.#source.streaming === false) return;
    if (this.#buffer?.updating || this.#appending) return;
    const frame = this.#queue[0];
    if (!frame || this.#evict(KEEP_S)) return;
    try {
      const buffer = this.#prepareBuffer(frame);
      buffer?.appendBuffer(frame.payload);
      this.#queue.shift();
      if (buffer) this.#appending = frame;
      else this.#events.onAppended(frame, 0);
    } catch (err) {
      if (err instanceof DOMException && err.name === 'QuotaExceededError' && this.#evict(0)) return;
      this.#events.onFailed(String(err));
    }
  }

  /**
   * @param {Frame} frame
   * @returns {SourceBuffer | null} null for a fragment without an init segment before it
   */
  #prepareBuffer(frame) {
    if (frame.type === INIT) {
      if (!this.#buffer) {
        URL.revokeObjectURL(this.#url);
        this.#buffer = this.#source.addSourceBuffer(this.#mime);
        this.#buffer.mode = 'segments';
        this.#buffer.addEventListener('updateend', this.#onUpdateEnd);
      } else if (this.#mime !== this.#bufferMime) {
        this.#buffer.changeType(this.#mime);
      }
      this.#bufferMime = this.#mime;
    } else if (this.#newTimeline && this.#buffer) {
      this.#newTimeline = false;
      this.#offset = (this.end && this.end + TIMELINE_GAP_S) - frame.mediaTime;
      this.#buffer.timestampOffset = this.#offset;
    }
    return this.#buffer;
  }

  #appended() {
    const frame = this.#appending;
    this.#appending = null;
    if (frame) {
      const time = frame.mediaTime + this.#offset;
      if (frame.key && frame.type !== INIT) this.#keyTimes.push(time);
      this.#events.onAppended(frame, time);
    }
    this.#appendNext();
  }

  /**
   * Removes old video, up to a key frame. A cut within a group of pictures would remove the rest of the group too.
   * @param {number} keep seconds behind the picture on the screen that stay
   * @returns {boolean} whether the buffer is busy removing
   */
  #evict(keep) {
    const oldest = this.#video.currentTime - keep;
    let cut = 0;
    while ((this.#keyTimes[1] ?? Infinity) <= oldest) {
      this.#keyTimes.shift();
      cut = this.#keyTimes[0] ?? 0;
    }
    if (cut === 0) return false;
    this.#buffer?.remove(0, cut - ROUNDING_S); // The key frame itself must stay: the frames after it need it.
    return true;
  }
}
