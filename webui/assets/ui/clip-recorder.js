// Records a clip. The hub sends it live, so recording takes as long as the clip.
import { fetchOK } from '../hub/api.js';
import { cloneTemplate, find, setText } from './dom.js';
import { downloadBlob, timestampedName } from './download.js';
import { formatBytes } from './format.js';

const PROGRESS_MS = 250;

export class ClipRecorder {
  element = cloneTemplate('clip');
  #id;
  #length = find(this.element, '.clip-length', HTMLSelectElement);
  #start = find(this.element, '.clip-start', HTMLButtonElement);
  #cancel = find(this.element, '.clip-cancel', HTMLButtonElement);
  #progress = find(this.element, '.clip-bar', HTMLProgressElement);
  #status = find(this.element, '.clip-status', HTMLElement);
  /** @type {AbortController | null} */
  #abort = null;

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    this.#start.addEventListener('click', () => void this.#record(Number(this.#length.value)));
    this.#cancel.addEventListener('click', () => this.#abort?.abort());
  }

  /** @param {boolean} available whether the hub has MP4 of this camera now */
  set available(available) {
    this.#start.disabled = !available;
    this.#start.title = available ? '' : 'The hub needs ffmpeg to record this camera.';
  }

  /** @param {number} seconds */
  async #record(seconds) {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#showRecording(true);
    try {
      const { blob, name } = await this.#download(seconds, signal);
      downloadBlob(blob, name);
      setText(this.#status, `Saved ${name}, ${formatBytes(blob.size)}`);
    } catch (err) {
      setText(this.#status, signal.aborted ? 'Cancelled' : `No clip: ${err instanceof Error ? err.message : err}`);
    } finally {
      this.#showRecording(false);
    }
  }

  /**
   * @param {number} seconds
   * @param {AbortSignal} signal
   */
  async #download(seconds, signal) {
    const name = timestampedName(this.#id, 'mp4');
    const response = await fetchOK(`cam/${this.#id}.mp4?duration=${seconds}s`, { signal });
    const reader = response.body?.getReader();
    /** @type {Uint8Array<ArrayBuffer>[]} */
    const chunks = [];
    let bytes = 0;
    const began = performance.now();
    const show = () => { this.#progress.value = Math.min(100, ((performance.now() - began) / seconds) / 10); };
    const timer = setInterval(show, PROGRESS_MS);
    try {
      for (;;) {
        const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
        if (done) break;
        chunks.push(value);
        bytes += value.byteLength;
        this.#progress.title = formatBytes(bytes);
      }
    } finally {
      clearInterval(timer);
    }
    if (bytes === 0) throw new Error('the hub sent no picture');
    return { blob: new Blob(chunks, { type: 'video/mp4' }), name };
  }

  /** @param {boolean} recording whether a clip is being recorded */
  #showRecording(recording) {
    this.#start.hidden = recording;
    this.#cancel.hidden = !recording;
    this.#progress.hidden = !recording;
    this.#progress.value = 0;
    this.#length.disabled = recording;
    if (recording) setText(this.#status, '');
    if (document.activeElement === document.body) (recording ? this.#cancel : this.#start).focus();
  }
}
