// The page of one camera: its picture, its state, and what can be done with it.
import { shareLinkRow, shareLinks } from './share-links.js';
import { fetchCamera, fetchHub } from '../hub/api.js';
import { readOutputs } from '../hub/outputs.js';
import { ClipRecorder } from '../ui/clip-recorder.js';
import { cloneTemplate, find, setText, toast } from '../ui/dom.js';
import { matchesView, sortCameras } from './camera-order.js';
import { hubURL, root } from '../hub/urls.js';
import { downloadSnapshot } from '../ui/download.js';
import { ControlsPanel } from './controls-panel.js';
import { Sparkline } from '../ui/sparkline.js';
import { loadGridSearch, loadSetting } from '../ui/local-settings.js';
import { Tile } from './tile.js';
import { parseView } from './view-state.js';
import { formatAgo, formatBitrate, formatCount, formatDuration, formatFPS, stateLabel } from '../ui/format.js';
import { Zoom } from '../ui/zoom.js';

/**
 * @typedef {import('../hub/protocol.js').Camera} Camera
 * @typedef {import('../player/stream-options.js').FormatChoice} FormatChoice
 */

const DETAIL_MS = 2000;
const WIDE = '(min-width: 901px)';

export class CameraPage {
  element = document.createElement('div');
  #id;
  #tile;
  #view = cloneTemplate('camera-view');
  #embed = new URLSearchParams(location.search).has('embed');
  /** @type {Camera | null} */
  #camera = null;
  /** @type {Camera[]} */
  #all = [];
  #zoom;
  #clip;
  #controls;
  #graphs = {
    age: new Sparkline('Age', formatDuration, 200),
    fps: new Sparkline('Rate', formatFPS, 10),
    bitrate: new Sparkline('Bitrate', formatBitrate, 1e6),
  };
  #detailsAt = 0;
  #drops = '';
  #agent = '';
  #subjectRoot = 'cam';
  #outputs = readOutputs();
  #shownLinks = '';

  /**
   * @param {import('../hub/connection.js').HubConnection} connection
   * @param {string} id
   */
  constructor(connection, id) {
    this.#id = id;
    this.#tile = new Tile(connection, id);
    this.#clip = new ClipRecorder(id);
    this.#controls = new ControlsPanel(id);
    this.element.className = 'single-page';
    document.documentElement.classList.toggle('embed', this.#embed);
    const stage = find(this.#view, '.stage', HTMLElement);
    stage.prepend(this.#tile.element);
    this.#zoom = new Zoom(this.#tile.element, this.#tile.view.element);
    // The tile's link would lead to this page.
    this.#tile.link.removeAttribute('href');
    setText(find(this.#view, '.side-title', HTMLElement), id);
    this.#bind();
  }

  /** @returns {Map<string, string>} */
  get states() {
    return new Map(this.#camera ? [[this.#id, this.#tile.state]] : []);
  }

  /** @param {Camera[]} cameras */
  update(cameras) {
    this.#all = cameras;
    this.#camera = cameras.find((c) => c.id === this.#id) ?? null;
    this.#showNeighbors();
    const camera = this.#camera;
    if (!camera) return this.#showUnknown();
    if (!this.#view.isConnected) this.element.replaceChildren(this.#view);
    this.#tile.update(camera);
    this.#tile.show({ choice: this.#choice, width: 0, fps: 0 });
    const { width, height } = camera;
    this.element.style.setProperty('--aspect', width && height ? `${width} / ${height}` : '16 / 9');
    this.#clip.available = camera.formats.includes('mp4') && camera.state !== 'offline';
    this.#showLinks();
    this.#render();
  }

  markLost() {
    this.#tile.markLost();
    this.#render();
  }

  /** Removes the picture until the next update. */
  pause() {
    this.#tile.show(null);
  }

  /** Updates the page. Called about twice a second while it is visible. */
  tick() {
    if (!this.#camera || this.#embed) return this.#tile.render();
    this.#tile.render();
    const now = performance.now();
    const stats = this.#tile.view.stats(now);
    const live = this.#tile.view.pictureState(now, this.#camera) === 'live';
    this.#graphs.age.push(now, live ? stats.age : null);
    this.#graphs.fps.push(now, live ? stats.fps : null);
    this.#graphs.bitrate.push(now, live ? this.#camera.bitrate : null);
    if (now - this.#detailsAt > DETAIL_MS) void this.#fetchDetails(now);
    this.#render();
  }

  /**
   * @param {KeyboardEvent} e
   * @returns {boolean} whether the page uses the key
   */
  handleKey(e) {
    const step = { '[': '#previous', ']': '#next' }[e.key];
    if (!step) return !e.altKey && this.#zoom.handleKey(e.key);
    const to = find(document, step, HTMLAnchorElement).href;
    if (to) location.replace(to);
    return true;
  }

  get #choice() {
    return /** @type {FormatChoice} */ (find(this.#view, '.format', HTMLSelectElement).value);
  }

  /** Why the format that the user chose is not the one that is shown. @param {Camera} camera */
  #formatError(camera) {
    const choice = this.#choice;
    const available = choice === 'auto' || camera.formats.length === 0 || camera.formats.includes(choice);
    if (available) return this.#tile.view.switchError;
    return `The hub needs ffmpeg to show this camera as ${choice === 'mp4' ? 'H.264' : 'JPEG'}.`;
  }

  #bind() {
    const on = (/** @type {string} */ selector, /** @type {() => void} */ action) => {
      find(this.#view, selector, HTMLElement).addEventListener('click', action);
    };
    on('.zoom-in', () => this.#zoom.in());
    on('.zoom-out', () => this.#zoom.out());
    on('.zoom-all', () => this.#zoom.reset());
    on('.snapshot', () => void downloadSnapshot(this.#id).then(toast));
    const format = find(this.#view, '.format', HTMLSelectElement);
    const requested = new URLSearchParams(location.search).get('format') ?? '';
    if ([...format.options].some((option) => option.value === requested)) format.value = requested;
    format.addEventListener('change', () => this.#setFormat(format.value));
    find(this.#view, '.graphs', HTMLElement).append(...Object.values(this.#graphs).map((graph) => graph.element));
    find(this.#view, '.clip', HTMLElement).replaceWith(this.#clip.element);
    const settings = find(this.#view, '.settings', HTMLDetailsElement);
    find(settings, '.fold-body', HTMLElement).append(this.#controls.element);
    settings.addEventListener('toggle', () => { if (settings.open) this.#controls.load(); });
    settings.open = !this.#embed && matchMedia(WIDE).matches;
    find(this.#view, '.embeds', HTMLDetailsElement).open = settings.open; // There is room beside the picture.
    if (this.#embed) return;
    // Without an answer the default root is a good guess.
    fetchHub().then((hub) => { this.#subjectRoot = hub.subject_root; this.#showLinks(); }, () => {});
  }

  /** @param {string} format */
  #setFormat(format) {
    const params = new URLSearchParams(location.search);
    if (format === 'auto') params.delete('format');
    else params.set('format', format);
    const search = params.toString();
    history.replaceState(null, '', location.pathname + (search && `?${search}`));
    if (this.#camera) this.#tile.show({ choice: this.#choice, width: 0, fps: 0 });
  }

  #showUnknown() {
    this.#tile.show(null);
    const notice = cloneTemplate('unknown');
    setText(find(notice, '.unknown-title', HTMLElement), `No camera named ${this.#id}`);
    find(notice, '.unknown-home', HTMLAnchorElement).href = root.href;
    this.element.replaceChildren(notice);
  }

  /** Shows the links to the previous and the next camera of the grid, in the order, group and search that it had. */
  #showNeighbors() {
    const view = parseView(loadGridSearch());
    const inView = this.#all.filter((c) => c.id === this.#id || matchesView(c, view));
    const shown = sortCameras(inView, loadSetting('order').split(' ')).map((c) => c.id);
    const at = shown.indexOf(this.#id);
    const neighbors = { '#previous': shown[at - 1] ?? shown.at(-1), '#next': shown[at + 1] ?? shown[0] };
    for (const [selector, id] of Object.entries(neighbors)) {
      const step = find(document, selector, HTMLAnchorElement);
      step.hidden = id === undefined || id === this.#id;
      if (step.hidden) step.removeAttribute('href');
      else step.href = hubURL(`cam/${id}`);
      step.title = id ?? '';
    }
  }

  #showLinks() {
    if (!this.#camera || this.#embed) return;
    const links = shareLinks(this.#camera, this.#subjectRoot, this.#outputs);
    const key = links.join();
    if (key === this.#shownLinks) return; // The user may be selecting one.
    this.#shownLinks = key;
    const rows = links.map(([label, text]) => shareLinkRow(label, text));
    find(this.#view, '.addresses', HTMLElement).replaceChildren(...rows);
  }

  /** Fetches what the camera list does not have. @param {number} now */
  async #fetchDetails(now) {
    this.#detailsAt = now;
    try {
      const { agent, drops, at_agent: atAgent } = await fetchCamera(this.#id);
      this.#agent = agent;
      const all = [formatDrops('hub', drops), formatDrops('agent', atAgent?.drops ?? {})];
      this.#drops = all.filter(Boolean).join('; ') || 'none';
    } catch {
      // The page already says that the hub or the camera is lost.
    }
  }

  #render() {
    const camera = this.#camera;
    if (!camera || this.#embed) return;
    const now = Date.now();
    const state = this.#tile.state;
    const shown = find(this.#view, '.side-state', HTMLElement);
    shown.dataset.state = state;
    const since = formatAgo(camera.since, now).replace(/ ago$/, '');
    setText(shown, `${stateLabel(state)}${since === 'never' || since === 'just now' ? '' : ` for ${since}`}`);
    const reason = find(this.#view, '.side-reason', HTMLElement);
    const why = [camera.reason || camera.warning || '', this.#formatError(camera)].filter(Boolean).join(' · ');
    reason.hidden = why === '';
    setText(reason, why);
    const kind = this.#tile.view.kind;
    const format = camera.format === 'h264' ? 'H.264' : 'JPEG';
    this.#showDetails([
      ['Picture', camera.width ? `${camera.width} × ${camera.height}, ${format}` : 'not known yet'],
      ['Shown as', kind === 'mp4' ? 'H.264' : kind === 'jpeg' ? 'JPEG' : 'nothing'],
      ['Viewers', formatCount(camera.viewers, 'viewer').replace(/ .*/, '')],
      ['Source', camera.source],
      ['Host', camera.host],
      ['Agent', this.#agent || '–'],
      ['Lost frames', this.#drops || '–'],
    ]);
  }

  /** @param {[string, string][]} rows */
  #showDetails(rows) {
    const list = find(this.#view, '.details', HTMLElement);
    if (list.childElementCount === 0) list.replaceChildren(...rows.map(() => cloneTemplate('detail')));
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
function formatDrops(where, drops) {
  const counted = Object.entries(drops).filter(([, count]) => count > 0);
  const all = counted.map(([reason, count]) => `${count} ${reason.replaceAll('_', ' ')}`);
  return all.length ? `at the ${where}: ${all.join(', ')}` : '';
}
