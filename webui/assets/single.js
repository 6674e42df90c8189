// One camera, large: its picture, how it does, and what can be done with it.
import { address, pastes } from './addresses.js';
import { fetchCamera, fetchHub } from './api.js';
import { Clip } from './clip.js';
import { find, setText, stamp, toast } from './dom.js';
import { arrange, matches } from './order.js';
import { hubURL, root } from './root.js';
import { saveSnapshot } from './save.js';
import { SettingsPanel } from './settings.js';
import { Sparkline } from './spark.js';
import { recall } from './store.js';
import { Tile } from './tile.js';
import { parseView } from './view-state.js';
import { ago, bitrate, frameRate, many, span, stateLabel } from './words.js';
import { Zoom } from './zoom.js';

/**
 * @typedef {import('./api.js').Camera} Camera
 * @typedef {import('./wish.js').Choice} Choice
 */

const DETAIL_MS = 2000;
const WIDE = '(min-width: 901px)';

export class Single {
  element = document.createElement('div');
  #id;
  #tile;
  #view = stamp('camera-view');
  #embed = new URLSearchParams(location.search).has('embed');
  /** @type {Camera | null} */
  #camera = null;
  /** @type {Camera[]} */
  #all = [];
  #zoom;
  #clip;
  #settings;
  #graphs = { age: new Sparkline('Age', span, 200), fps: new Sparkline('Rate', frameRate, 10), bitrate: new Sparkline('Bitrate', bitrate, 1e6) };
  #asked = 0;
  #drops = '';
  #agent = '';
  #subjectRoot = 'cam';
  #pasted = '';

  /**
   * @param {import('./link.js').Link} link
   * @param {string} id
   */
  constructor(link, id) {
    this.#id = id;
    this.#tile = new Tile(link, id);
    this.#clip = new Clip(id);
    this.#settings = new SettingsPanel(id);
    this.element.className = 'single-page';
    document.documentElement.classList.toggle('embed', this.#embed);
    const stage = find(this.#view, '.stage', HTMLElement);
    stage.prepend(this.#tile.element);
    this.#zoom = new Zoom(this.#tile.element, this.#tile.screen.element);
    // The tile's link would lead to where we are.
    this.#tile.link.removeAttribute('href');
    setText(find(this.#view, '.side-title', HTMLElement), id);
    this.#fill();
  }

  /** @returns {Map<string, string>} */
  get states() {
    return new Map(this.#camera ? [[this.#id, this.#tile.state]] : []);
  }

  /** @param {Camera[]} cameras */
  update(cameras) {
    this.#all = cameras;
    this.#camera = cameras.find((c) => c.id === this.#id) ?? null;
    this.#showSteps();
    const camera = this.#camera;
    if (!camera) return this.#showUnknown();
    if (!this.#view.isConnected) this.element.replaceChildren(this.#view);
    this.#tile.update(camera);
    this.#tile.show({ choice: this.#choice, width: 0, fps: 0 });
    this.element.style.setProperty('--aspect', camera.width && camera.height ? `${camera.width} / ${camera.height}` : '16 / 9');
    this.#clip.possible = camera.formats.includes('mp4') && camera.state !== 'offline';
    this.#showPastes();
    this.#render();
  }

  lose() {
    this.#tile.lose();
    this.#render();
  }

  /** Takes the picture away until the next update. */
  pause() {
    this.#tile.show(null);
  }

  /** To be called about twice a second while somebody looks. */
  tick() {
    if (!this.#camera || this.#embed) return this.#tile.render();
    this.#tile.render();
    const now = performance.now();
    const facts = this.#tile.screen.facts(now);
    const live = this.#tile.screen.picture(now, this.#camera) === 'live';
    this.#graphs.age.push(now, live ? facts.age : null);
    this.#graphs.fps.push(now, live ? facts.fps : null);
    this.#graphs.bitrate.push(now, live ? this.#camera.bitrate : null);
    if (now - this.#asked > DETAIL_MS) void this.#ask(now);
    this.#render();
  }

  /**
   * @param {KeyboardEvent} e
   * @returns {boolean} whether it was one of this view's
   */
  key(e) {
    const step = { '[': '#previous', ']': '#next' }[e.key];
    if (!step) return !e.altKey && this.#zoom.key(e.key);
    const to = find(document, step, HTMLAnchorElement).href;
    if (to) location.replace(to);
    return true;
  }

  get #choice() {
    return /** @type {Choice} */ (find(this.#view, '.format', HTMLSelectElement).value);
  }

  /** Why the format that was chosen is not the one that is shown. @param {Camera} camera */
  #refusal(camera) {
    const choice = this.#choice;
    if (choice === 'auto' || camera.formats.length === 0 || camera.formats.includes(choice)) return this.#tile.screen.refusal;
    return `The hub has no ${choice === 'mp4' ? 'H.264' : 'JPEG'} of this camera: it needs ffmpeg for that.`;
  }

  #fill() {
    const on = (/** @type {string} */ selector, /** @type {() => void} */ action) => find(this.#view, selector, HTMLElement).addEventListener('click', action);
    on('.zoom-in', () => this.#zoom.in());
    on('.zoom-out', () => this.#zoom.out());
    on('.zoom-all', () => this.#zoom.all());
    on('.snapshot', () => void saveSnapshot(this.#id).then(toast));
    const format = find(this.#view, '.format', HTMLSelectElement);
    const wanted = new URLSearchParams(location.search).get('format') ?? '';
    if ([...format.options].some((option) => option.value === wanted)) format.value = wanted;
    format.addEventListener('change', () => this.#choose(format.value));
    find(this.#view, '.graphs', HTMLElement).append(...Object.values(this.#graphs).map((graph) => graph.element));
    find(this.#view, '.clip', HTMLElement).replaceWith(this.#clip.element);
    const settings = find(this.#view, '.settings', HTMLDetailsElement);
    find(settings, '.fold-body', HTMLElement).append(this.#settings.element);
    settings.addEventListener('toggle', () => { if (settings.open) this.#settings.load(); });
    settings.open = !this.#embed && matchMedia(WIDE).matches;
    find(this.#view, '.embeds', HTMLDetailsElement).open = settings.open; // There is room beside the picture.
    if (!this.#embed) fetchHub().then((hub) => { this.#subjectRoot = hub.subject_root; this.#showPastes(); }, () => {}); // The usual root is a good guess.
  }

  /** @param {string} format */
  #choose(format) {
    const params = new URLSearchParams(location.search);
    if (format === 'auto') params.delete('format');
    else params.set('format', format);
    const search = params.toString();
    history.replaceState(null, '', location.pathname + (search && `?${search}`));
    if (this.#camera) this.#tile.show({ choice: this.#choice, width: 0, fps: 0 });
  }

  #showUnknown() {
    this.#tile.show(null);
    const notice = stamp('unknown');
    setText(find(notice, '.unknown-title', HTMLElement), `No camera named ${this.#id}`);
    find(notice, '.unknown-home', HTMLAnchorElement).href = root.href;
    this.element.replaceChildren(notice);
  }

  /** Previous and next are those of the grid as it was left: its order, group and search. */
  #showSteps() {
    let left = '';
    try { left = sessionStorage.getItem('bramble.grid') ?? ''; } catch { /* storage is forbidden: all cameras */ }
    const view = parseView(left);
    const shown = arrange(this.#all.filter((c) => c.id === this.#id || matches(c, view)), recall('order').split(' ')).map((c) => c.id);
    const at = shown.indexOf(this.#id);
    const around = /** @type {const} */ ([['#previous', shown[at - 1] ?? shown.at(-1)], ['#next', shown[at + 1] ?? shown[0]]]);
    for (const [selector, id] of around) {
      const step = find(document, selector, HTMLAnchorElement);
      step.hidden = id === undefined || id === this.#id;
      if (step.hidden) step.removeAttribute('href');
      else step.href = hubURL(`cam/${id}`);
      step.title = id ?? '';
    }
  }

  #showPastes() {
    if (!this.#camera || this.#embed) return;
    const all = pastes(this.#camera, this.#subjectRoot);
    const key = all.join();
    if (key === this.#pasted) return; // Somebody may be selecting one.
    this.#pasted = key;
    find(this.#view, '.addresses', HTMLElement).replaceChildren(...all.map(([label, text]) => address(label, text)));
  }

  /** What the roster does not say. @param {number} now */
  async #ask(now) {
    this.#asked = now;
    try {
      const { agent, drops, at_agent: atAgent } = await fetchCamera(this.#id);
      this.#agent = agent;
      this.#drops = [counts('hub', drops), counts('agent', atAgent?.drops ?? {})].filter(Boolean).join('; ') || 'none';
    } catch {
      // The page says already that the hub or the camera is lost.
    }
  }

  #render() {
    const camera = this.#camera;
    if (!camera || this.#embed) return;
    const now = Date.now();
    const state = this.#tile.state;
    const shown = find(this.#view, '.side-state', HTMLElement);
    shown.dataset.state = state;
    const since = ago(camera.since, now).replace(/ ago$/, '');
    setText(shown, `${stateLabel(state)}${since === 'never' || since === 'just now' ? '' : ` for ${since}`}`);
    const reason = find(this.#view, '.side-reason', HTMLElement);
    const why = [camera.reason || camera.warning || '', this.#refusal(camera)].filter(Boolean).join(' · ');
    reason.hidden = why === '';
    setText(reason, why);
    const kind = this.#tile.screen.kind;
    this.#showDetails([
      ['Picture', camera.width ? `${camera.width} × ${camera.height}, ${camera.format === 'h264' ? 'H.264' : 'JPEG'}` : 'not known yet'],
      ['Shown as', kind === 'mp4' ? 'H.264' : kind === 'jpeg' ? 'JPEG' : 'nothing'],
      ['Viewers', many(camera.viewers, 'viewer').replace(/ .*/, '')],
      ['Source', camera.source],
      ['Host', camera.host],
      ['Agent', this.#agent || '–'],
      ['Drops', this.#drops || '–'],
    ]);
  }

  /** @param {[string, string][]} rows */
  #showDetails(rows) {
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
 * @param {string} where
 * @param {Record<string, number>} drops by reason
 */
function counts(where, drops) {
  const all = Object.entries(drops).filter(([, count]) => count > 0).map(([reason, count]) => `${count} ${reason.replaceAll('_', ' ')}`);
  return all.length ? `at the ${where}: ${all.join(', ')}` : '';
}
