// The page: which view it shows, and what both views share.
import { Bar } from './bar.js';
import { find, setText, toast } from './dom.js';
import { Grid } from './grid.js';
import { listenToKeys, toggleFullScreen } from './keys.js';
import { linkTo } from './link.js';
import { askMe, watchMe } from './me.js';
import { cameraAt, root, signedQuery } from './root.js';
import { saveSnapshot } from './save.js';
import { Single } from './single.js';
import { recall, remember } from './store.js';
import { formatView, namesView, parseView } from './view-state.js';
import { news, summary } from './words.js';

/** @typedef {import('./api.js').Camera} Camera */

const UPDATE_MS = 500;
/** Reading every flicker aloud would be worse than silence. */
const NEWS_MS = 2000;

const id = cameraAt(location.pathname);
/** Of a signed link: then nobody has to log in, and nobody can. */
const signed = id === null ? '' : signedQuery(id, new URLSearchParams(location.search).get('link'));
const link = linkTo(root, signed);
const element = (/** @type {string} */ selector) => find(document, selector, HTMLElement);
const banner = element('#banner');
/** @type {Camera[] | null} */
let cameras = null;
/** @type {Map<string, string> | null} what was said last */
let said = null;

if (id === null && !namesView(location.search)) history.replaceState(null, '', location.pathname + recall('view'));
let state = parseView(location.search);
const view = id === null ? new Grid(link, state, () => choose({ ...state, group: '', q: '' })) : new Single(link, id);
const bar = id === null ? new Bar(state, choose) : null;

/** @param {import('./view-state.js').ViewState} next */
function choose(next) {
  state = next;
  const search = formatView(state, location.search);
  history.replaceState(null, '', location.pathname + search);
  remember('view', formatView({ ...state, q: '', kiosk: false, fps: 0 }, '')); // A search is over when the page is.
  if (bar) bar.view = state;
  if (view instanceof Grid) view.view = state;
  said = null;
  showSummary();
}

function showSummary() {
  setText(element('#summary'), view instanceof Grid && cameras?.length ? summary(view.states.values()) : '');
}

function update() {
  if (document.hidden || !cameras) return;
  bar?.update(cameras.map((c) => c.id));
  view.update(cameras);
  showSummary();
}

/** @param {Camera[] | null} roster null: the hub is lost */
function onRoster(roster) {
  banner.hidden = roster !== null;
  setText(banner, roster ? '' : 'The hub does not answer. Trying again.');
  if (roster) cameras = roster;
  if (roster) update();
  else view.lose();
  if (!roster && !signed) void askMe(); // A browser does not tell why it was refused.
  showSummary();
}

function tellNews() {
  if (document.hidden || !banner.hidden || !cameras) return;
  const now = view.states;
  if (said) {
    const text = news(said, now);
    if (text) setText(element('#said'), text);
  }
  said = now;
}

function snapshot() {
  const camera = id ?? (view instanceof Grid ? view.focused : null);
  if (camera) void saveSnapshot(camera).then(toast);
  else toast('Choose a camera with the arrow keys first');
}

/** Where the grid was left. */
function gridURL() {
  let left = '';
  try { left = sessionStorage.getItem('bramble.grid') ?? ''; } catch { /* storage is forbidden: all cameras */ }
  return root.href + left;
}

function setUp() {
  document.documentElement.classList.toggle('kiosk', state.kiosk && id === null);
  if (id !== null) document.title = `${id} · Bramble`;
  element('#main').append(view.element);
  const home = find(document, '#home', HTMLAnchorElement);
  home.href = root.href;
  element('#steps').hidden = id === null;
  find(document, '#back', HTMLAnchorElement).href = gridURL();
  const help = find(document, '#help-dialog', HTMLDialogElement);
  element('#help').addEventListener('click', () => help.showModal());
  element('#full').addEventListener('click', toggleFullScreen);
  element('#full').hidden = !document.fullscreenEnabled;
  element('#theme').addEventListener('click', () => {
    remember('theme', document.documentElement.dataset.theme === 'light' ? 'dark' : 'light');
    document.dispatchEvent(new Event('themechange'));
  });
  listenToKeys({
    f: toggleFullScreen,
    s: snapshot,
    '?': () => help.showModal(),
    '/': () => bar?.focusSearch(),
    Escape: () => { if (id !== null) location.href = gridURL(); else if (document.activeElement instanceof HTMLElement) document.activeElement.blur(); },
  }, (e) => view.key(e));
}

setUp();
document.addEventListener('visibilitychange', () => (document.hidden ? view.pause() : update()));
window.addEventListener('pagehide', () => {
  view.pause();
  if (id !== null) return;
  try { sessionStorage.setItem('bramble.grid', location.search); } catch { /* storage is forbidden */ }
});
window.addEventListener('pageshow', update);
link.onRoster(onRoster);
if (!signed) watchMe();
setInterval(() => { if (!document.hidden) view.tick(); }, UPDATE_MS);
setInterval(tellNews, NEWS_MS);
