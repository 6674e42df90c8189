// The entry module of the page: creates its view, the grid or one camera, and what both views share.
import { connectionTo } from './hub/connection.js';
import { cameraAt, root, signedQuery } from './hub/urls.js';
import { find, setText, toast } from './ui/dom.js';
import { downloadSnapshot } from './ui/download.js';
import { describeChanges, summarizeStates } from './ui/format.js';
import { bindKeys, toggleFullScreen } from './ui/keyboard.js';
import { loadGridSearch, loadSetting, saveGridSearch, saveSetting } from './ui/local-settings.js';
import { accountSession } from './views/account.js';
import { CameraPage } from './views/camera-page.js';
import { Grid } from './views/grid.js';
import { Toolbar } from './views/toolbar.js';
import { formatView, hasView, parseView } from './views/view-state.js';

/** @typedef {import('./hub/protocol.js').Camera} Camera */

const UPDATE_MS = 500;
/** Screen readers announce changes no more often than this. */
const ANNOUNCE_MS = 2000;

const id = cameraAt(location.pathname);
/** The query of a signed link. With a link there is no login. */
const signed = id === null ? '' : signedQuery(id, new URLSearchParams(location.search).get('link'));
const connection = connectionTo(root, signed);
const element = (/** @type {string} */ selector) => find(document, selector, HTMLElement);
const banner = element('#banner');
const session = accountSession();
/** @type {Camera[] | null} */
let cameras = null;
/** @type {Map<string, string> | null} the states that were announced last */
let announced = null;

if (id === null && !hasView(location.search)) history.replaceState(null, '', location.pathname + loadSetting('view'));
let state = parseView(location.search);
const view = id === null
  ? new Grid(connection, state, () => setView({ ...state, group: '', q: '' }))
  : new CameraPage(connection, id);
const toolbar = id === null ? new Toolbar(state, setView) : null;

/** @param {import('./views/view-state.js').ViewState} next */
function setView(next) {
  state = next;
  const search = formatView(state, location.search);
  history.replaceState(null, '', location.pathname + search);
  // A search ends with the page, so it is not stored.
  saveSetting('view', formatView({ ...state, q: '', kiosk: false, fps: 0 }, ''));
  if (toolbar) toolbar.view = state;
  if (view instanceof Grid) view.view = state;
  announced = null;
  showSummary();
}

function showSummary() {
  setText(element('#summary'), view instanceof Grid && cameras?.length ? summarizeStates(view.states.values()) : '');
}

function update() {
  if (document.hidden || !cameras) return;
  toolbar?.update(cameras.map((c) => c.id));
  view.update(cameras);
  showSummary();
}

/** @param {Camera[] | null} list null: the hub is lost */
function onCameras(list) {
  banner.hidden = list !== null;
  setText(banner, list ? '' : 'The hub does not answer. Trying again.');
  if (list) cameras = list;
  if (list) update();
  else view.markLost();
  // A browser does not say why a WebSocket was refused. The session may have ended.
  if (!list && !signed) void session.refresh();
  showSummary();
}

function announceChanges() {
  if (document.hidden || !banner.hidden || !cameras) return;
  const now = view.states;
  if (announced) {
    const text = describeChanges(announced, now);
    if (text) setText(element('#announcement'), text);
  }
  announced = now;
}

function snapshot() {
  const camera = id ?? (view instanceof Grid ? view.focused : null);
  if (camera) void downloadSnapshot(camera).then(toast);
  else toast('First select a camera with the arrow keys');
}

function onEscape() {
  if (id !== null) location.href = root.href + loadGridSearch();
  else if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

function setUp() {
  document.documentElement.classList.toggle('kiosk', state.kiosk && id === null);
  if (id !== null) document.title = `${id} · Bramble`;
  element('#main').append(view.element);
  const home = find(document, '#home', HTMLAnchorElement);
  home.href = root.href;
  element('#steps').hidden = id === null;
  find(document, '#back', HTMLAnchorElement).href = root.href + loadGridSearch();
  const help = find(document, '#help-dialog', HTMLDialogElement);
  element('#help').addEventListener('click', () => help.showModal());
  element('#full').addEventListener('click', toggleFullScreen);
  element('#full').hidden = !document.fullscreenEnabled;
  element('#theme').addEventListener('click', () => {
    saveSetting('theme', document.documentElement.dataset.theme === 'light' ? 'dark' : 'light');
    document.dispatchEvent(new Event('themechange'));
  });
  bindKeys({
    f: toggleFullScreen,
    s: snapshot,
    '?': () => help.showModal(),
    '/': () => toolbar?.focusSearch(),
    Escape: onEscape,
  }, (e) => view.handleKey(e));
}

setUp();
document.addEventListener('visibilitychange', () => (document.hidden ? view.pause() : update()));
window.addEventListener('pagehide', () => {
  view.pause();
  if (id === null) saveGridSearch(location.search);
});
window.addEventListener('pageshow', update);
connection.onCameras(onCameras);
if (!signed) session.start();
setInterval(() => { if (!document.hidden) view.tick(); }, UPDATE_MS);
setInterval(announceChanges, ANNOUNCE_MS);
