// One camera's tile: its picture, its name and how it is.
import { find, setText, stamp } from './dom.js';
import { MJPEGPlayer } from './player-mjpeg.js';
import { StillPlayer } from './player-still.js';
import { VideoPlayer } from './player-video.js';
import { hubURL } from './root.js';
import { ago, frameRate, isStalled, many, span, stateLabel } from './words.js';

/**
 * @typedef {import('./api.js').Camera} Camera
 * @typedef {import('./player.js').Player} Player
 * @typedef {'off' | 'mjpeg' | 'stills' | 'mp4' | 'ask'} Mode how the picture comes; ask: after a click
 * @typedef {{kind: string, title: string, text: string}} Note what lies over the picture
 */

/**
 * The way to show a camera.
 * @param {Camera} camera
 * @param {boolean} mayStream
 * @returns {Mode}
 */
export function modeFor(camera, mayStream) {
  if (camera.state === 'offline') return 'off';
  if (camera.format === 'h264' && camera.formats.includes('mp4')) return mayStream ? 'mp4' : 'ask';
  if (mayStream && camera.formats.includes('mjpeg')) return 'mjpeg';
  return camera.formats.includes('jpeg') ? 'stills' : 'off';
}

export class Tile {
  element = stamp('tile');
  #id;
  /** @type {Camera | null} */
  #camera = null;
  /** @type {Mode} */
  #mode = 'off';
  /** @type {Player | null} */
  #player = null;
  #hasPicture = false;
  #blocked = false;
  #trouble = '';
  #lost = false;
  #chip = find(this.element, '.chip', HTMLElement);
  #state = find(this.element, '.state', HTMLElement);
  #note = find(this.element, '.note', HTMLElement);
  #slow = find(this.element, '.slow', HTMLElement);
  #play = find(this.element, '.play', HTMLButtonElement);

  /**
   * @param {string} id
   * @param {(id: string) => void} onTake the user wants this tile to stream
   */
  constructor(id, onTake) {
    this.#id = id;
    this.element.dataset.camera = id;
    const link = find(this.element, '.open', HTMLAnchorElement);
    link.textContent = id;
    link.href = hubURL(`cam/${id}`);
    this.#play.setAttribute('aria-label', `Play ${id}`);
    this.#play.addEventListener('click', () => (this.#player ? this.#player.resume() : onTake(id)));
  }

  /** @param {Camera} camera */
  update(camera) {
    this.#camera = camera;
    this.#lost = false;
    this.#render();
  }

  /** The hub no longer answers: what the tile shows is not known to be live. */
  lose() {
    this.#lost = true;
    this.#render();
  }

  /**
   * @param {Mode} mode
   */
  show(mode) {
    if (mode === this.#mode) return;
    this.stop();
    this.#mode = mode;
    this.#player = this.#startPlayer(mode);
    if (this.#player) find(this.element, '.picture', HTMLElement).append(this.#player.element);
    this.#render();
  }

  /** Closes the connection and takes the picture away. */
  stop() {
    this.#player?.stop();
    this.#player?.element.remove();
    this.#player = null;
    this.#mode = 'off';
    this.#hasPicture = false;
    this.#blocked = false;
    this.#trouble = '';
  }

  /**
   * @param {Mode} mode
   * @returns {Player | null}
   */
  #startPlayer(mode) {
    const text = `Live picture of ${this.#id}`;
    const events = {
      onPicture: () => this.#report(true, false, ''),
      onTrouble: (/** @type {string} */ why) => this.#report(false, false, why),
      onBlocked: () => this.#report(false, true, ''),
    };
    const url = (/** @type {string} */ format) => hubURL(`cam/${this.#id}.${format}`);
    switch (mode) {
      case 'mjpeg': return new MJPEGPlayer(url('mjpeg'), text, events);
      case 'stills': return new StillPlayer(url('jpeg'), text, events);
      case 'mp4': return new VideoPlayer(url('mp4'), text, events);
      default: return null;
    }
  }

  /**
   * @param {boolean} hasPicture
   * @param {boolean} blocked
   * @param {string} trouble
   */
  #report(hasPicture, blocked, trouble) {
    this.#hasPicture = hasPicture;
    this.#blocked = blocked;
    this.#trouble = trouble;
    this.#render();
  }

  #render() {
    const camera = this.#camera;
    if (!camera) return;
    const { element } = this;
    const stale = this.#lost || isStalled(camera);
    element.dataset.state = this.#lost ? 'lost' : stale ? 'stalled' : camera.state;
    element.dataset.picture = this.#hasPicture ? 'live' : 'none';
    element.classList.toggle('stale', stale);
    setText(this.#state, this.#lost ? 'No contact' : stateLabel(camera));
    this.#chip.title = camera.reason;
    this.#slow.hidden = this.#mode !== 'stills' || stale;
    this.#play.hidden = !(this.#mode === 'ask' || this.#blocked);
    this.#renderFacts(camera);
    this.#renderNote(this.#noteFor(camera));
  }

  /** @param {Camera} camera */
  #renderFacts(camera) {
    const sends = camera.age_ms !== null && camera.state !== 'offline' && !this.#lost;
    for (const selector of ['.fps', '.age']) find(this.element, selector, HTMLElement).hidden = !sends;
    const viewers = many(camera.viewers, 'viewer');
    const facts = {
      '.fps': frameRate(camera.fps),
      '.age-text': span(camera.age_ms ?? 0),
      '.count': String(camera.viewers),
      '.noun': viewers.slice(viewers.indexOf(' ')),
    };
    for (const [selector, text] of Object.entries(facts)) setText(find(this.element, selector, HTMLElement), text);
  }

  /**
   * @param {Camera} camera
   * @returns {Note | null}
   */
  #noteFor(camera) {
    if (camera.state === 'offline') {
      return { kind: 'offline', title: 'Offline', text: [`Last seen ${ago(camera.last_seen, Date.now())}`, camera.reason].filter(Boolean).join(': ') };
    }
    if (this.#lost && !this.#hasPicture) return { kind: 'offline', title: 'No contact', text: 'The hub does not answer.' };
    if (isStalled(camera)) return { kind: 'stalled', title: 'No new picture', text: `for ${span(camera.age_ms ?? 0)}` };
    if (this.#trouble) return { kind: 'waiting', title: '', text: this.#trouble };
    if (this.#hasPicture || !this.#play.hidden) return null;
    if (!this.#player) return camera.formats.length ? null : { kind: 'offline', title: 'No picture', text: 'The hub serves no format of this camera.' };
    const waking = camera.state === 'idle' || camera.state === 'starting';
    return { kind: 'waiting', title: '', text: waking ? 'Waking the camera' : 'Connecting' };
  }

  /** @param {Note | null} note */
  #renderNote(note) {
    this.#note.hidden = !note;
    this.#note.dataset.kind = note?.kind ?? '';
    setText(find(this.#note, '.note-title', HTMLElement), note?.title ?? '');
    setText(find(this.#note, '.note-text', HTMLElement), note?.text ?? '');
  }
}
