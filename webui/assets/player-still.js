// Single JPEGs, one a second: for tiles that have no stream of their own.
import { pause } from './api.js';
import { Retry } from './retry.js';

const EVERY_MS = 1000;
const PATIENCE_MS = 5000;

/** @implements {Player} */
export class StillPlayer {
  element = new Image();
  #url;
  #events;
  #stopped = new AbortController();
  #retry = new Retry(() => void this.#run());

  /**
   * @param {string} url
   * @param {string} alt
   * @param {PlayerEvents} events
   */
  constructor(url, alt, events) {
    this.#url = url;
    this.#events = events;
    this.element.alt = alt;
    void this.#run();
  }

  resume() {}

  stop() {
    this.#stopped.abort();
    this.#retry.stop();
    this.#show(null);
  }

  async #run() {
    const { signal } = this.#stopped;
    try {
      while (!signal.aborted) {
        const asked = performance.now();
        const jpeg = await this.#fetch();
        if (signal.aborted) return;
        this.#show(jpeg);
        await this.element.decode();
        this.#retry.succeeded();
        this.#events.onPicture();
        await pause(Math.max(0, EVERY_MS - (performance.now() - asked)), signal);
      }
    } catch {
      if (signal.aborted) return;
      this.#events.onTrouble('No picture from the hub. Trying again.');
      this.#retry.failed();
    }
  }

  async #fetch() {
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const answer = await fetch(this.#url, { cache: 'no-store', priority: 'low', signal });
    if (!answer.ok) throw new Error(`${this.#url}: ${answer.status}`);
    return answer.blob();
  }

  /** @param {Blob | null} jpeg */
  #show(jpeg) {
    const old = this.element.src;
    if (jpeg) this.element.src = URL.createObjectURL(jpeg);
    else this.element.removeAttribute('src');
    if (old) URL.revokeObjectURL(old);
  }
}

/**
 * @typedef {import('./player.js').Player} Player
 * @typedef {import('./player.js').PlayerEvents} PlayerEvents
 */
