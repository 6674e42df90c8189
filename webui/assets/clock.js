// The hub's clock, seen from the page.

const KEPT = 8;

/** Knows the hub's clock from pings; the answer with the shortest round trip of the latest ones counts. */
export class HubClock {
  /** @type {{trip: number, offset: number}[]} */
  #answers = [];
  #offset = Date.now() - performance.now();

  /** What was measured over another connection, maybe before the computer slept, no longer counts. */
  reset() {
    this.#answers = [];
  }

  /**
   * A first guess, which the first answer replaces.
   * @param {number} now the hub's clock, Unix milliseconds, as it arrives
   */
  guess(now) {
    if (this.#answers.length === 0) this.#offset = now - performance.now();
  }

  /**
   * @param {number} sent performance.now() when the ping left
   * @param {number} now the hub's clock in its answer, Unix milliseconds
   */
  answer(sent, now) {
    const received = performance.now();
    this.#answers.push({ trip: received - sent, offset: now - (sent + received) / 2 });
    if (this.#answers.length > KEPT) this.#answers.shift();
    this.#offset = this.#answers.reduce((best, next) => (next.trip <= best.trip ? next : best)).offset;
  }

  /** The hub's clock now, Unix milliseconds. */
  now() {
    return performance.now() + this.#offset;
  }
}
