// The hub's clock, as the page knows it.

const MAX_SAMPLES = 8;

/** Estimates the hub's clock from pings. Of the latest samples, the one with the shortest round trip counts. */
export class ClockSync {
  /** @type {{roundTrip: number, offset: number}[]} */
  #samples = [];
  #offset = Date.now() - performance.now();

  /** Forgets the samples of an earlier connection. The computer may have slept since. */
  reset() {
    this.#samples = [];
  }

  /**
   * Sets a first estimate, which counts until there is a sample.
   * @param {number} now the hub's clock, Unix milliseconds, as it arrives
   */
  setEstimate(now) {
    if (this.#samples.length === 0) this.#offset = now - performance.now();
  }

  /**
   * @param {number} sent performance.now() when the ping left
   * @param {number} now the hub's clock in its answer, Unix milliseconds
   */
  addSample(sent, now) {
    const received = performance.now();
    this.#samples.push({ roundTrip: received - sent, offset: now - (sent + received) / 2 });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    this.#offset = this.#samples.reduce((best, next) => (next.roundTrip <= best.roundTrip ? next : best)).offset;
  }

  /** The hub's clock now, Unix milliseconds. */
  now() {
    return performance.now() + this.#offset;
  }
}
