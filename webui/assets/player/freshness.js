// Whether pictures keep coming: how many, how old, and when what is shown counts as stale.

/** Without a new picture for this long, what is shown is not live. */
export const STALE_MS = 3000;
/** A camera of less than one frame a second gets this many of its intervals instead. */
const STALE_INTERVALS = 2.5;
const WINDOW_MS = 4000;
const GOOD_AGE_MS = 400;
const LATE_AGE_MS = 1500;

/** @typedef {'good' | 'late' | 'bad'} AgeGrade */

/**
 * @param {number} age milliseconds
 * @returns {AgeGrade}
 */
export function gradeAge(age) {
  if (age <= GOOD_AGE_MS) return 'good';
  return age <= LATE_AGE_MS ? 'late' : 'bad';
}

/** Keeps the times of one tile's latest pictures. All times are milliseconds of one monotonic clock. */
export class Freshness {
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
  addPicture(now, age) {
    this.#times.push(now);
    this.#age = age;
    while ((this.#times[0] ?? now) < now - WINDOW_MS && this.#times.length > 2) this.#times.shift();
  }

  get hasPicture() {
    return this.#times.length > 0;
  }

  /** @param {number} now @returns {number} milliseconds since the newest picture, or since the beginning */
  sinceLast(now) {
    return now - (this.#times.at(-1) ?? this.#began);
  }

  /**
   * The age of the picture on the screen when it was shown, plus the time by which the next one is late.
   * @param {number} now
   */
  age(now) {
    return this.#age + Math.max(0, this.sinceLast(now) - Math.max(1000, 1.5 * this.#interval));
  }

  /** @param {number} now @returns {number} pictures per second of late; 0 if that is not known */
  fps(now) {
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    if (first === undefined || last === undefined || last === first) return 0;
    // The time since the last picture counts once it is longer than an interval.
    const duration = Math.max(last - first, now - first - this.#interval);
    return (1000 * (this.#times.length - 1)) / duration;
  }

  /**
   * @param {number} now
   * @param {number} cameraFPS the camera's own rate; 0 if it is not known
   */
  isStale(now, cameraFPS) {
    const allowed = cameraFPS > 0 && cameraFPS < 1 ? (STALE_INTERVALS * 1000) / cameraFPS : STALE_MS;
    return this.sinceLast(now) >= Math.max(STALE_MS, allowed);
  }

  /** Milliseconds from one picture to the next, on average of late. */
  get #interval() {
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    return first === undefined || last === undefined ? 0 : (last - first) / Math.max(1, this.#times.length - 1);
  }
}
