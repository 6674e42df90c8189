// How to stay at the live edge without running dry.

/** How long a moment with little to spare is remembered, and how many of them at most. */
const MEMORY_MS = 2000;
const MEMORY = 128;

/** Seconds: less is too little for what networks and busy computers do, more is age for nothing. */
const LEAST = 0.02;
const MOST = 0.07;
const RATE_STEPS = 20;

/**
 * How fast to play, by the seconds of video that were left when the next frame came, in the worst case of late.
 * What is left is how late a frame may come, and all that it adds is age.
 * @param {number} spare
 */
export function catchUpRate(spare) {
  if (spare < LEAST) return 0.97;
  return spare > MOST ? 1 + Math.min(0.5, Math.round(spare * RATE_STEPS) / RATE_STEPS) : 1;
}

/** Remembers what was left, for a while. */
export class Spare {
  /** @type {{at: number, left: number}[]} the least last: what came before more was left is of no use */
  #least = [];

  /**
   * @param {number} left seconds
   * @param {number} at milliseconds on any clock
   * @returns {number} the least of late
   */
  add(left, at) {
    while ((this.#least.at(-1)?.left ?? -Infinity) >= left) this.#least.pop();
    this.#least.push({ at, left });
    const old = at - MEMORY_MS;
    while (this.#least.length > MEMORY || (this.#least[0]?.at ?? at) < old) this.#least.shift();
    return this.#least[0]?.left ?? left;
  }

  clear() {
    this.#least = [];
  }
}

/**
 * @typedef {object} Timed when a frame that is to be shown was captured and came to the hub
 * @property {number} time seconds on the video's time line
 * @property {number} captured
 * @property {number} arrived
 */

const TIMED = 512;
/** Seconds. The hub's times are in whole microseconds, the video's are not. */
export const ROUNDING = 0.001;

/** The frames that have been handed to a video and not been seen on the screen yet. */
export class Underway {
  /** @type {Timed[]} */
  #frames = [];

  /** @param {Timed} frame later than all before it */
  add(frame) {
    this.#frames.push(frame);
    if (this.#frames.length > TIMED) this.#frames.shift();
  }

  /**
   * The frame that is on the screen; it and those before it are forgotten.
   * @param {number} time seconds
   * @returns {Timed | null} null if it is known already, or not to be shown for its own sake
   */
  shown(time) {
    /** @type {Timed | null} */
    let shown = null;
    while (this.#frames[0] && this.#frames[0].time <= time + ROUNDING) shown = this.#frames.shift() ?? null;
    return shown;
  }

  clear() {
    this.#frames = [];
  }
}
