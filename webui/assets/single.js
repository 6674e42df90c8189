// One camera, large, with its addresses.
import { find, setText, stamp } from './dom.js';
import { hubURL, root } from './root.js';
import { Tile, modeFor } from './tile.js';
import { ago, bitrate, frameRate, many, span, stateLabel } from './words.js';

/** @typedef {import('./api.js').Camera} Camera */

/** What each format is to somebody who wants its address. */
const formats = new Map([
  ['jpeg', 'JPEG: the newest picture'],
  ['mjpeg', 'MJPEG: for <img>, OctoPrint, Home Assistant'],
  ['mp4', 'MP4: for <video> and downloads'],
  ['h264', 'H.264: for VLC, ffmpeg, Frigate'],
]);

export class Single {
  element = document.createElement('div');
  #id;
  #tile;
  #view = stamp('camera-view');
  #lost = false;
  #addresses = '';

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    this.#tile = new Tile(id, () => {});
    this.element.className = 'single-page';
    find(this.#view, '.stage', HTMLElement).append(this.#tile.element);
    setText(find(this.#view, '.side-title', HTMLElement), id);
  }

  /** @param {Camera[]} cameras */
  update(cameras) {
    if (this.#lost) this.pause();
    this.#lost = false;
    const camera = cameras.find((c) => c.id === this.#id);
    if (!camera) return this.#showUnknown();
    if (!this.#view.isConnected) this.element.replaceChildren(this.#view);
    this.#tile.update(camera);
    this.#tile.show(modeFor(camera, true));
    this.#view.style.setProperty('--aspect', camera.width && camera.height ? `${camera.width} / ${camera.height}` : '16 / 9');
    const reason = find(this.#view, '.side-reason', HTMLElement);
    reason.hidden = camera.reason === '';
    setText(reason, camera.reason);
    this.#showAddresses(camera);
    this.#showDetails(camera);
  }

  /** As in the grid: streams survive one lost answer. */
  lose() {
    if (this.#lost) this.pause();
    this.#lost = true;
    this.#tile.lose();
  }

  /** Closes the connection until the next update. */
  pause() {
    this.#tile.stop();
  }

  #showUnknown() {
    this.#tile.stop();
    const notice = stamp('unknown');
    setText(find(notice, '.unknown-title', HTMLElement), `No camera named ${this.#id}`);
    find(notice, '.unknown-home', HTMLAnchorElement).href = root.href;
    this.element.replaceChildren(notice);
  }

  /** @param {Camera} camera */
  #showAddresses(camera) {
    const key = `${camera.format} ${camera.formats.join(' ')}`;
    if (key === this.#addresses) return; // Somebody may be selecting one.
    this.#addresses = key;
    const urls = camera.formats.map((format) => address(formats.get(format) ?? format, hubURL(`cam/${camera.id}.${format}`)));
    const subject = address('NATS subject: one frame a message', `cam.${camera.id}.${camera.format}`);
    find(this.#view, '.addresses', HTMLElement).replaceChildren(...urls, subject);
  }

  /** @param {Camera} camera */
  #showDetails(camera) {
    const now = Date.now();
    const drops = Object.entries(camera.drops).map(([reason, count]) => `${count} ${reason}`).join(', ');
    /** @type {[string, string][]} */
    const rows = [
      ['State', `${stateLabel(camera)}, since ${ago(camera.since, now)}`.replace('since just now', 'just now').replace(/since (.+) ago$/, 'for $1')],
      ['Picture', camera.width ? `${camera.width} × ${camera.height}, ${camera.format === 'h264' ? 'H.264' : 'JPEG'}` : 'not known yet'],
      ['Rate', camera.fps ? `${frameRate(camera.fps)}, ${bitrate(camera.bitrate)}` : 'no frames'],
      ['Newest frame', camera.age_ms === null ? 'none yet' : `${span(camera.age_ms)} old`],
      ['Viewers', many(camera.viewers, 'viewer').replace(/ .*/, '')],
      ['Source', `${camera.source} on ${camera.host}`],
      ['Agent', camera.agent],
      ['Drops', drops || 'none'],
    ];
    const list = find(this.#view, '.details', HTMLElement);
    if (list.childElementCount === 0) list.replaceChildren(...rows.map(() => stamp('detail')));
    for (const [i, [term, text]] of rows.entries()) {
      const row = list.children[i];
      if (!row) continue;
      setText(find(row, 'dt', HTMLElement), term);
      setText(find(row, 'dd', HTMLElement), text);
    }
  }
}

/**
 * @param {string} label
 * @param {string} text
 */
function address(label, text) {
  const item = stamp('address');
  setText(find(item, '.address-label', HTMLElement), label);
  // A long address breaks in front of its path first.
  const slash = text.indexOf('/cam/');
  find(item, '.address-text', HTMLElement).append(text.slice(0, Math.max(0, slash)), document.createElement('wbr'), text.slice(Math.max(0, slash)));
  const copy = find(item, '.copy', HTMLButtonElement);
  copy.setAttribute('aria-label', `Copy ${text}`);
  // Browsers give the clipboard to secure pages only; elsewhere one click selects the text.
  copy.hidden = !window.isSecureContext;
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text);
    setText(copy, 'Copied');
    setTimeout(() => setText(copy, 'Copy'), 1500);
  });
  return item;
}
