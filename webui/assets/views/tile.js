// One camera's tile: its picture, its name and its state.
import { cloneTemplate, find, setText } from '../ui/dom.js';
import { hubURL } from '../hub/urls.js';
import { CameraView } from '../player/camera-view.js';
import { formatCount, formatDuration, formatFPS, formatTime, stateLabel } from '../ui/format.js';

/**
 * @typedef {import('../hub/protocol.js').Camera} Camera
 * @typedef {import('../player/camera-view.js').ViewRequest} ViewRequest
 * @typedef {{kind: string, title: string, text: string}} Note a text over the picture
 */

const RUNNING = ['live', 'degraded', 'conflict'];
/** How long a picture may be missing before a note says so. Without the delay, texts would flash. */
const NOTE_DELAY_MS = 400;
/** A running camera without a new picture for this long is stalled. */
const STALLED_MS = 3000;
const NO_FORMAT_TEXT = 'This browser cannot show any format that the hub has of this camera';

export class Tile {
  element = cloneTemplate('tile');
  view;
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
   * @param {import('../hub/connection.js').HubConnection} connection
   * @param {string} id
   */
  constructor(connection, id) {
    this.view = new CameraView(connection, id, () => this.render());
    this.element.dataset.camera = id;
    find(this.element, '.picture', HTMLElement).replaceWith(this.view.element);
    this.link.textContent = id;
    this.link.title = id;
    this.link.href = hubURL(`cam/${id}`);
    this.#play.setAttribute('aria-label', `Play ${id}`);
    this.#play.addEventListener('click', () => this.view.resume());
  }

  /** @returns {Camera | null} its newest state */
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
    if (camera.state === 'offline') this.view.stop();
    this.render();
  }

  /** The hub is lost: nothing that the tile shows counts as live. */
  markLost() {
    this.#lost = true;
    this.view.markStale();
    this.render();
  }

  /**
   * Shows the camera; null shows nothing, and the hub sends nothing.
   * @param {ViewRequest | null} request
   */
  show(request) {
    const camera = this.#camera;
    if (!camera || this.#lost) return;
    if (request && camera.state !== 'offline') this.view.show(camera, request);
    else this.view.stop();
    this.render();
  }

  /** Updates what the tile says. Called about twice a second while the page is visible. */
  render() {
    const camera = this.#camera;
    if (!camera) return;
    const now = performance.now();
    const picture = this.view.pictureState(now, camera);
    const running = this.view.running && RUNNING.includes(camera.state);
    const stalled = running && this.view.stats(now).sinceLast >= STALLED_MS && picture !== 'live';
    const { dataset } = this.element;
    // A degraded camera says itself why no picture comes.
    const state = this.#lost ? 'lost' : stalled && camera.state !== 'degraded' ? 'stalled' : camera.state;
    set(dataset, 'state', state);
    set(dataset, 'picture', picture);
    set(dataset, 'kind', this.view.kind);
    setText(this.#state, stateLabel(state));
    this.#play.hidden = !this.view.blocked;
    this.#renderReason(camera, state);
    this.#renderStats(camera, now, picture);
    this.#renderNote(this.#noteFor(camera, now, picture, stalled));
  }

  /**
   * Shows why a camera is not well although it has pictures.
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
   * @param {import('../player/camera-view.js').PictureState} picture
   */
  #renderStats(camera, now, picture) {
    const { fps, age, grade } = this.view.stats(now);
    this.#fps.hidden = picture !== 'live' || fps === 0;
    this.#age.hidden = picture !== 'live';
    this.#facts.hidden = this.#lost;
    setText(this.#fps, formatFPS(fps));
    setText(this.#ageText, formatDuration(age));
    set(this.#age.dataset, 'grade', grade);
    setText(this.#count, String(camera.viewers));
    setText(this.#noun, formatCount(camera.viewers, ' viewer').slice(String(camera.viewers).length));
  }

  /**
   * @param {Camera} camera
   * @param {number} now
   * @param {import('../player/camera-view.js').PictureState} picture
   * @param {boolean} stalled
   * @returns {Note | null}
   */
  #noteFor(camera, now, picture, stalled) {
    const { error, blocked, running } = this.view;
    const { sinceLast } = this.view.stats(now);
    if (this.#lost) return { kind: 'lost', title: 'Disconnected', text: 'The hub does not answer' };
    if (camera.state === 'offline') {
      const since = formatTime(camera.last_seen || camera.since, Date.now());
      return { kind: 'offline', title: since ? `Offline since ${since}` : 'Offline', text: camera.reason };
    }
    if (blocked) return null;
    if (stalled) {
      const since = formatDuration(Math.floor(sinceLast / 1000) * 1000).replace('.0', '');
      const title = picture === 'none' ? 'No picture' : 'No new picture';
      return { kind: 'stalled', title, text: error || camera.reason || `for ${since}` };
    }
    if (picture === 'live') return null;
    if (error) return { kind: 'waiting', title: '', text: error };
    if (picture === 'stale') return { kind: 'waiting', title: '', text: 'Waiting for a new picture' };
    if (!running && camera.formats.length) return null;
    if (!running) return { kind: 'offline', title: 'No picture', text: NO_FORMAT_TEXT };
    if (sinceLast < NOTE_DELAY_MS) return null;
    const waking = camera.state === 'idle' || camera.state === 'starting';
    return { kind: 'waiting', title: '', text: waking ? 'Starting the camera' : 'Connecting' };
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
 * Sets an attribute if it differs.
 * @param {DOMStringMap} dataset
 * @param {string} name
 * @param {string} value
 */
function set(dataset, name, value) {
  if (dataset[name] !== value) dataset[name] = value;
}
