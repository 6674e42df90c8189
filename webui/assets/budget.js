// Who may stream. A browser opens six connections to a host: four carry
// streams, two are left for the API and for single pictures.

export const STREAMS = 4;

/**
 * @typedef {object} Candidate a tile that would like to stream
 * @property {string} id
 * @property {boolean} video no still pictures to fall back to
 */

/** Hands out the streams: video first, then in the order of the page. */
export class Budget {
  /** @type {string[]} holders, the oldest first */
  #holders = [];
  #limit;

  /** @param {number} limit streams at once */
  constructor(limit) {
    this.#limit = limit;
  }

  /**
   * Who streams now. A holder keeps its stream while it wants it.
   * @param {Candidate[]} candidates in the order of the page
   * @returns {Set<string>}
   */
  share(candidates) {
    const wanted = new Map(candidates.map((c) => [c.id, c]));
    this.#holders = this.#holders.filter((id) => wanted.has(id));
    const waiting = candidates.filter((c) => !this.#holders.includes(c.id));
    for (const { id } of waiting.filter((c) => c.video)) {
      if (this.#holders.length >= this.#limit) this.#drop(this.#holders.findLast((held) => !wanted.get(held)?.video));
      if (this.#holders.length < this.#limit) this.#holders.push(id);
    }
    for (const { id } of waiting.filter((c) => !c.video)) {
      if (this.#holders.length < this.#limit) this.#holders.push(id);
    }
    return new Set(this.#holders);
  }

  /**
   * Gives one tile a stream, from the oldest holder if none is free.
   * @param {string} id
   */
  take(id) {
    this.#drop(id);
    if (this.#holders.length >= this.#limit) this.#holders.shift();
    this.#holders.push(id);
  }

  /** @param {string | undefined} id */
  #drop(id) {
    this.#holders = this.#holders.filter((held) => held !== id);
  }
}
