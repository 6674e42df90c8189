// One camera's tile: its picture, its name and how it is.
import { find, setText, stamp } from './dom.js';
import { hubURL } from './root.js';
import { Screen } from './screen.js';
import { clock, frameRate, many, span, stateLabel } from './words.js';

/**
 * @typedef {import('./api.js').Camera} Camera
 * @typedef {import('./screen.js').Request} Request
 * @typedef {{kind: string, title: string, text: string}} Note what lies over the picture
 */

const RUNNING = ['live', 'degraded', 'conflict'];
/** So old may the last picture be, for a fraction of a second, before a note says that one is on its way: no flash of text. */
const SUDDEN_MS = 400;

export class Tile {
  element = stamp('tile');
  screen;
  link = find(this.element, '.open', HTMLAnchorElement);
  /** @type {Camera | null} */
  #camera = null;
  #lost = false;
  #state = find(this.element, '.state', HTMLElement);
  #reason = find(this.element, '.reason', HTMLElement);
  #note = find(this.element, '.note', HTMLElement);
  #noteTitle = find(this.element, '.note-title', HTMLElement);
  #noteText = find(this.element, '.note-text', HTMLElement);
  #play = find(this.element, '.play', HTMLButtonElement);
  #facts = find(this.element, '.facts', HTMLElement);
  #fps = find(this.element, '.fps', HTMLElement);
  #age = find(this.element, '.age', HTMLElement);
  #ageText = find(this.element, '.age-text', HTMLElement);
  #count = find(this.element, '.count', HTMLElement);
  #noun = find(this.element, '.noun', HTMLElement);

  /**
   * @param {import('./link.js').Link} link
   * @param {string} id
   */
  constructor(link, id) {
    this.screen = new Screen(link, id, () => this.render());
    this.element.dataset.camera = id;
    find(this.element, '.picture', HTMLElement).replaceWith(this.screen.element);
    this.link.textContent = id;
    this.link.title = id;
    this.link.href = hubURL(`cam/${id}`);
    this.#play.setAttribute('aria-label', `Play ${id}`);
    this.#play.addEventListener('click', () => this.screen.resume());
  }

  /** @returns {Camera | null} as last told */
  get camera() {
    return this.#camera;
  }

  /** @returns {string} the state that the tile shows: the camera's, stalled, or lost */
  get state() {
    return this.element.dataset.state ?? '';
  }

  /** @param {Camera} camera */
  update(camera) {
    this.#camera = camera;
    this.#lost = false;
    if (camera.state === 'offline') this.screen.stop();
    this.render();
  }

  /** The hub no longer answers: what the tile shows is not known to be live. */
  lose() {
    this.#lost = true;
    this.screen.distrust();
    this.render();
  }

  /**
   * Shows the camera, or nothing and costs nothing.
   * @param {Request | null} request
   */
  show(request) {
    const camera = this.#camera;
    if (!camera || this.#lost) return;
    if (request && camera.state !== 'offline') this.screen.show(camera, request);
    else this.screen.stop();
    this.render();
  }

  /** To be called about twice a second while somebody looks. */
  render() {
    const camera = this.#camera;
    if (!camera) return;
    const now = performance.now();
    const picture = this.screen.picture(now, camera);
    const stalled = this.screen.running && RUNNING.includes(camera.state) && this.screen.facts(now).silence >= 3000 && picture !== 'live';
    const { dataset } = this.element;
    // Of a camera that is not well it is known why no picture comes.
    const state = this.#lost ? 'lost' : stalled && camera.state !== 'degraded' ? 'stalled' : camera.state;
    set(dataset, 'state', state);
    set(dataset, 'picture', picture);
    set(dataset, 'kind', this.screen.kind);
    setText(this.#state, stateLabel(state));
    this.#play.hidden = !this.screen.blocked;
    this.#renderReason(camera, state);
    this.#renderFacts(camera, now, picture);
    this.#renderNote(this.#noteFor(camera, now, picture, stalled));
  }

  /**
   * Why a camera that shows pictures is not well.
   * @param {Camera} camera
   * @param {string} state
   */
  #renderReason(camera, state) {
    const text = camera.reason || camera.warning || '';
    this.#reason.hidden = !text || state === 'offline' || state === 'lost';
    setText(this.#reason, text);
    this.#reason.title = text;
  }

  /**
   * @param {Camera} camera
   * @param {number} now
   * @param {'live' | 'stale' | 'none'} picture
   */
  #renderFacts(camera, now, picture) {
    const { fps, age, grade } = this.screen.facts(now);
    this.#fps.hidden = picture !== 'live' || fps === 0;
    this.#age.hidden = picture !== 'live';
    this.#facts.hidden = this.#lost;
    setText(this.#fps, frameRate(fps));
    setText(this.#ageText, span(age));
    set(this.#age.dataset, 'grade', grade);
    setText(this.#count, String(camera.viewers));
    setText(this.#noun, many(camera.viewers, ' viewer').slice(String(camera.viewers).length));
  }

  /**
   * @param {Camera} camera
   * @param {number} now
   * @param {'live' | 'stale' | 'none'} picture
   * @param {boolean} stalled
   * @returns {Note | null}
   */
  #noteFor(camera, now, picture, stalled) {
    const { trouble, blocked, running } = this.screen;
    const { silence } = this.screen.facts(now);
    if (this.#lost) return { kind: 'lost', title: 'No contact', text: 'The hub does not answer' };
    if (camera.state === 'offline') {
      return { kind: 'offline', title: `Offline since ${clock(camera.last_seen || camera.since, Date.now())}`, text: camera.reason };
    }
    if (blocked) return null;
    if (stalled) return { kind: 'stalled', title: picture === 'none' ? 'No picture' : 'No new picture', text: trouble || camera.reason || `for ${span(Math.floor(silence / 1000) * 1000).replace('.0', '')}` };
    if (picture === 'live') return null;
    if (trouble) return { kind: 'waiting', title: '', text: trouble };
    if (picture === 'stale') return { kind: 'waiting', title: '', text: 'Waiting for a new picture' };
    if (!running) return camera.formats.length ? null : { kind: 'offline', title: 'No picture', text: 'The hub serves no format of this camera that this browser shows' };
    if (silence < SUDDEN_MS) return null;
    const waking = camera.state === 'idle' || camera.state === 'starting';
    return { kind: 'waiting', title: '', text: waking ? 'Waking the camera' : 'Connecting' };
  }

  /** @param {Note | null} note */
  #renderNote(note) {
    this.#note.hidden = !note;
    set(this.#note.dataset, 'kind', note?.kind ?? '');
    setText(this.#noteTitle, note?.title ?? '');
    setText(this.#noteText, note?.text ?? '');
  }
}

/**
 * Writes only what changes.
 * @param {DOMStringMap} dataset
 * @param {string} name
 * @param {string} value
 */
function set(dataset, name, value) {
  if (dataset[name] !== value) dataset[name] = value;
}
