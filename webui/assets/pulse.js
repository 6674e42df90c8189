// Whether pictures keep coming: how many, how old, and when to stop believing them.

/** No new picture for so long means that what is shown is not live. */
export const STALE_MS = 3000;
/** A camera of less than one frame a second gets so many of its intervals instead. */
const INTERVALS = 2.5;
const WINDOW_MS = 4000;
const GOOD_MS = 400;
const LATE_MS = 1500;

/** @typedef {'good' | 'late' | 'bad'} Grade */

/**
 * @param {number} age milliseconds
 * @returns {Grade}
 */
export function grade(age) {
  if (age <= GOOD_MS) return 'good';
  return age <= LATE_MS ? 'late' : 'bad';
}

/** Keeps the times of the last pictures of one tile. All times are of one monotonic clock, in milliseconds. */
export class Pulse {
  /** @type {number[]} when pictures were shown, the oldest first */
  #times = [];
  #age = 0;
  #began;

  /** @param {number} now when the tile began to wait for pictures */
  constructor(now) {
    this.#began = now;
  }

  /**
   * @param {number} now
   * @param {number} age how old the picture is
   */
  beat(now, age) {
    this.#times.push(now);
    this.#age = age;
    while ((this.#times[0] ?? now) < now - WINDOW_MS && this.#times.length > 2) this.#times.shift();
  }

  /** Whether there has been a picture. */
  get any() {
    return this.#times.length > 0;
  }

  /** @param {number} now @returns {number} milliseconds since the newest picture, or since the beginning */
  silence(now) {
    return now - (this.#times.at(-1) ?? this.#began);
  }

  /**
   * The age of the picture on the screen when it was shown, plus the time for which it should have been replaced since.
   * @param {number} now
   */
  age(now) {
    return this.#age + Math.max(0, this.silence(now) - Math.max(1000, 1.5 * this.#interval));
  }

  /** @param {number} now @returns {number} pictures per second shown lately; 0 if that is not known */
  fps(now) {
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    if (first === undefined || last === undefined || last === first) return 0;
    // The gap since the last picture counts once it is longer than usual.
    const span = Math.max(last - first, now - first - this.#interval);
    return (1000 * (this.#times.length - 1)) / span;
  }

  /**
   * @param {number} now
   * @param {number} cameraFPS the camera's own rate as far as is known
   */
  isStale(now, cameraFPS) {
    const patience = cameraFPS > 0 && cameraFPS < 1 ? (INTERVALS * 1000) / cameraFPS : STALE_MS;
    return this.silence(now) >= Math.max(STALE_MS, patience);
  }

  /** Milliseconds from one picture to the next, of late. */
  get #interval() {
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    return first === undefined || last === undefined ? 0 : (last - first) / Math.max(1, this.#times.length - 1);
  }
}
