// Recording a clip: the hub sends it as it happens, so it takes as long as it shows.
import { ask } from './api.js';
import { find, setText, stamp } from './dom.js';
import { fileName, saveBlob } from './save.js';
import { size } from './words.js';

const SHOW_MS = 250;

export class Clip {
  element = stamp('clip');
  #id;
  #length = find(this.element, '.clip-length', HTMLSelectElement);
  #start = find(this.element, '.clip-start', HTMLButtonElement);
  #cancel = find(this.element, '.clip-cancel', HTMLButtonElement);
  #bar = find(this.element, '.clip-bar', HTMLProgressElement);
  #said = find(this.element, '.clip-said', HTMLElement);
  /** @type {AbortController | null} */
  #stopping = null;

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    this.#start.addEventListener('click', () => void this.#record(Number(this.#length.value)));
    this.#cancel.addEventListener('click', () => this.#stopping?.abort());
  }

  /** @param {boolean} can whether the hub has MP4 of this camera now */
  set possible(can) {
    this.#start.disabled = !can;
    this.#start.title = can ? '' : 'The hub has no MP4 of this camera: it needs ffmpeg for that.';
  }

  /** @param {number} seconds */
  async #record(seconds) {
    this.#stopping = new AbortController();
    const { signal } = this.#stopping;
    this.#toggle(true);
    try {
      const { blob, name } = await this.#read(seconds, signal);
      saveBlob(blob, name);
      setText(this.#said, `Saved ${name}, ${size(blob.size)}`);
    } catch (err) {
      setText(this.#said, signal.aborted ? 'Cancelled' : `No clip: ${err instanceof Error ? err.message : err}`);
    } finally {
      this.#toggle(false);
    }
  }

  /**
   * @param {number} seconds
   * @param {AbortSignal} signal
   */
  async #read(seconds, signal) {
    const name = fileName(this.#id, 'mp4');
    const answer = await ask(`cam/${this.#id}.mp4?duration=${seconds}s`, { signal });
    const reader = answer.body?.getReader();
    /** @type {Uint8Array<ArrayBuffer>[]} */
    const pieces = [];
    let bytes = 0;
    const began = performance.now();
    const show = () => { this.#bar.value = Math.min(100, ((performance.now() - began) / seconds) / 10); };
    const timer = setInterval(show, SHOW_MS);
    try {
      for (;;) {
        const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
        if (done) break;
        pieces.push(value);
        bytes += value.byteLength;
        this.#bar.title = size(bytes);
      }
    } finally {
      clearInterval(timer);
    }
    if (bytes === 0) throw new Error('the hub sent no picture');
    return { blob: new Blob(pieces, { type: 'video/mp4' }), name };
  }

  /** @param {boolean} recording */
  #toggle(recording) {
    this.#start.hidden = recording;
    this.#cancel.hidden = !recording;
    this.#bar.hidden = !recording;
    this.#bar.value = 0;
    this.#length.disabled = recording;
    if (recording) setText(this.#said, '');
    if (document.activeElement === document.body) (recording ? this.#cancel : this.#start).focus();
  }
}
