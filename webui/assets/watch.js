// One stream of a Link: asked for again whenever it ends, until it is stopped.
import { ack } from './wire.js';

/** How long to wait before asking again; what the hub wants at least comes first. */
const DELAYS_MS = [500, 1000, 2000, 4000, 8000, 15_000];
const BAD_REQUEST = 400;

/**
 * @typedef {import('./wire.js').Frame} Frame
 *
 * @typedef {object} Request what to watch; absent members mean the camera's own
 * @property {string} camera
 * @property {'jpeg' | 'mp4'} kind
 * @property {number} [width]
 * @property {number} [fps] jpeg
 * @property {number} [quality] jpeg
 * @property {number} [bitrate] mp4
 * @property {number} [window] frames on their way at once
 *
 * @typedef {{slot: number, kind: string, camera: string, width: number, height: number, mime?: string}} Watching
 * @typedef {{type: string, title: string, status: number, detail: string, parameter?: string, cameras?: string[], retry_after?: number}} Problem
 *
 * @typedef {object} Sink who takes the frames. Each must be acknowledged, else no more come.
 * @property {(info: Watching) => void} onWatching before the first frame; a new slot is a new time line
 * @property {(frame: Frame) => void} onFrame
 * @property {(reason: string) => void} onQuiet no frame has come for a while; the reason may be empty
 * @property {(problem: Problem | null) => void} onEnded the hub ended it or is lost; it is asked for again if that can help. null: the page is hidden
 *
 * @typedef {object} Owner the link, as its watches see it
 * @property {(watch: Watch, request: Request) => number} open the new slot; 0 without a connection
 * @property {(watch: Watch, slot: number) => void} close the watch is over
 * @property {(message: ArrayBuffer) => void} send
 */

/** ack and stop are for the sink; the rest is what the link calls. */
export class Watch {
  /** What has come, of all slots. */
  stats = { frames: 0, bytes: 0 };
  #owner;
  #request;
  #sink;
  #slot = 0;
  #received = 0;
  #acked = 0;
  #failures = 0;
  #stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;

  /**
   * @param {Owner} owner
   * @param {Request} request
   * @param {Sink} sink
   */
  constructor(owner, request, sink) {
    this.#owner = owner;
    this.#request = request;
    this.#sink = sink;
  }

  /** One more frame has been dealt with. Late ones, of an earlier slot, do no harm: no more is acknowledged than has come. */
  ack() {
    if (this.#slot === 0 || this.#acked >= this.#received) return;
    this.#acked += 1;
    this.#owner.send(ack(this.#slot, this.#acked));
  }

  /** Nothing reaches the sink after this. */
  stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    const slot = this.#slot;
    this.detach();
    this.#owner.close(this, slot);
  }

  start() {
    this.detach();
    if (!this.#stopped) this.#slot = this.#owner.open(this, this.#request);
  }

  /** The slot is gone, and with it what was under way. */
  detach() {
    clearTimeout(this.#again);
    this.#slot = 0;
    this.#received = 0;
    this.#acked = 0;
  }

  /** @param {Frame} frame */
  take(frame) {
    this.#received += 1;
    this.#failures = 0;
    this.stats.frames += 1;
    this.stats.bytes += frame.payload.byteLength;
    this.#sink.onFrame(frame);
  }

  /** @param {Watching} info */
  watching(info) {
    this.#sink.onWatching(info);
  }

  /** @param {string} reason */
  quiet(reason) {
    this.#sink.onQuiet(reason);
  }

  /** @param {Problem} problem */
  ended(problem) {
    this.detach();
    if (problem.status !== BAD_REQUEST) {
      const delay = DELAYS_MS[Math.min(this.#failures, DELAYS_MS.length - 1)] ?? 0;
      this.#failures += 1;
      // Many tiles must not ask all at the same moment.
      this.#again = setTimeout(() => this.start(), Math.max(delay, (problem.retry_after ?? 0) * 1000) * (1 + Math.random() / 4));
    }
    this.#sink.onEnded(problem);
  }

  /** @param {Problem | null} problem nobody can be asked now */
  lost(problem) {
    this.detach();
    this.#sink.onEnded(problem);
  }
}
