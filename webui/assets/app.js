// The page: which view it shows, and when it talks to the hub.
import { watchCameras } from './api.js';
import { find, setText } from './dom.js';
import { Grid } from './grid.js';
import { cameraAt, root } from './root.js';
import { Single } from './single.js';
import { summary } from './words.js';

/** @typedef {import('./api.js').Camera} Camera */

const id = cameraAt(location.pathname);
const view = id === null ? new Grid() : new Single(id);
const banner = find(document, '#banner', HTMLElement);
/** @type {AbortController | null} */
let watching = null;

/** @param {Camera[]} cameras */
function onCameras(cameras) {
  banner.hidden = true;
  setText(find(document, '#summary', HTMLElement), cameras.length && id === null ? summary(cameras) : '');
  view.update(cameras);
}

function onLost() {
  banner.hidden = false;
  setText(banner, 'The hub does not answer. Trying again.');
  setText(find(document, '#summary', HTMLElement), '');
  view.lose();
}

function start() {
  if (watching || document.hidden) return;
  watching = new AbortController();
  void watchCameras(onCameras, onLost, watching.signal);
}

/** A page that nobody sees costs the hub nothing, and comes back at live instead of playing what it missed. */
function stop() {
  watching?.abort();
  watching = null;
  view.pause();
}

for (const link of ['#home', '#back']) find(document, link, HTMLAnchorElement).href = root.href;
find(document, '#back', HTMLAnchorElement).hidden = id === null;
if (id !== null) document.title = `${id} · Bramble`;
find(document, '#main', HTMLElement).append(view.element);

document.addEventListener('visibilitychange', () => (document.hidden ? stop() : start()));
window.addEventListener('pagehide', stop);
window.addEventListener('pageshow', start);
start();
