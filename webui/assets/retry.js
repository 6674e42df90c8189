// Trying again, ever more slowly.

const DELAYS_MS = [500, 1000, 2000, 4000, 8000, 15_000];

/** Repeats an action after failures; a success starts over at the shortest delay. */
export class Retry {
  #action;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {() => void} action */
  constructor(action) {
    this.#action = action;
  }

  /** Failures in a row. */
  get failures() {
    return this.#failures;
  }

  failed() {
    if (this.#timer !== undefined) return;
    const delay = DELAYS_MS[Math.min(this.#failures, DELAYS_MS.length - 1)];
    this.#failures += 1;
    this.#timer = setTimeout(() => { this.#timer = undefined; this.#action(); }, delay);
  }

  succeeded() {
    this.#failures = 0;
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
