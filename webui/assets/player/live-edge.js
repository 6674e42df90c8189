// Keeps a video at the live edge without running out of data.

/** How long a small margin is remembered, and how many of them at most. */
const MEMORY_MS = 2000;
const MAX_MARGINS = 128;

/** Seconds. A smaller margin does not cover the jitter of networks and busy computers; a larger one only adds age. */
const MIN_MARGIN = 0.02;
const MAX_MARGIN = 0.07;
const RATE_STEPS = 20;

/**
 * The playback rate for a margin. The margin is how late a frame may arrive, and it is also the age that buffering
 * adds.
 * @param {number} margin the least seconds of video that were left of late when a frame arrived
 */
export function catchUpRate(margin) {
  if (margin < MIN_MARGIN) return 0.97;
  return margin > MAX_MARGIN ? 1 + Math.min(0.5, Math.round(margin * RATE_STEPS) / RATE_STEPS) : 1;
}

/** The least margin of late: how much video was left in the buffer when the next frame arrived. */
export class BufferMargin {
  /**
   * A monotonic queue, the least margin first: an earlier, larger one can never be the least again.
   * @type {{at: number, left: number}[]}
   */
  #samples = [];

  /**
   * @param {number} left seconds
   * @param {number} at milliseconds on any clock
   * @returns {number} the least of late
   */
  add(left, at) {
    while ((this.#samples.at(-1)?.left ?? -Infinity) >= left) this.#samples.pop();
    this.#samples.push({ at, left });
    const oldest = at - MEMORY_MS;
    while (this.#samples.length > MAX_MARGINS || (this.#samples[0]?.at ?? at) < oldest) this.#samples.shift();
    return this.#samples[0]?.left ?? left;
  }

  clear() {
    this.#samples = [];
  }
}

/**
 * A frame that has been given to the video.
 *
 * @typedef {object} PendingFrame
 * @property {number} time Seconds on the video's time line.
 * @property {number} captured When it was captured, Unix milliseconds on the agent's clock.
 * @property {number} arrived When it reached the hub, Unix milliseconds on the hub's clock.
 */

const MAX_PENDING = 512;
/** Seconds. The hub's times are whole microseconds, the video's are not. */
export const ROUNDING_S = 0.001;

/** The frames that have been given to a video and are not on the screen yet. */
export class PendingFrames {
  /** @type {PendingFrame[]} */
  #frames = [];

  /** @param {PendingFrame} frame later than all before it */
  add(frame) {
    this.#frames.push(frame);
    if (this.#frames.length > MAX_PENDING) this.#frames.shift();
  }

  /**
   * Returns the frame that is on the screen, and forgets it and those before it.
   * @param {number} time seconds
   * @returns {PendingFrame | null} null if it was returned before, or if it is a frame of the history
   */
  takeShown(time) {
    /** @type {PendingFrame | null} */
    let shown = null;
    while (this.#frames[0] && this.#frames[0].time <= time + ROUNDING_S) shown = this.#frames.shift() ?? null;
    return shown;
  }

  clear() {
    this.#frames = [];
  }
}
