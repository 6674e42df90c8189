// Who looks: name and log-out in the bar, and the way to the login page when a session has ended.
import { Refused, fetchMe, logOut } from './api.js';
import { find, setText, toast } from './dom.js';
import { hubURL, root } from './root.js';

const NOT_KNOWN = 401;
/** The hub renews a session that is in use, and the pictures' connection alone does not show that it is. */
const RENEW_MS = 30 * 60_000;

/** URL that ends a login at a proxy or an identity provider; empty for a login at the hub. */
let logoutURL = '';

/** Keeps the bar's user up to date. */
export function watchMe() {
  find(document, '#logout', HTMLButtonElement).addEventListener('click', () => {
    logOut().then(afterLogout, (err) => toast(err instanceof Error ? err.message : String(err)));
  });
  void askMe();
  setInterval(askMe, RENEW_MS);
}

/** Shows who it is, or leads to the login page if the hub does not know. */
export async function askMe() {
  try {
    const { name, open, logout_url: elsewhere = '' } = await fetchMe();
    logoutURL = elsewhere;
    find(document, '#me', HTMLElement).hidden = open;
    setText(find(document, '#me-name', HTMLElement), name);
  } catch (err) {
    if (err instanceof Refused && err.status === NOT_KNOWN) toLogin();
    // Else the page says already that the hub is lost.
  }
}

function afterLogout() {
  if (/^https?:/.test(logoutURL)) location.assign(logoutURL);
  else toLogin();
}

function toLogin() {
  const here = location.pathname.startsWith(root.pathname) ? location.pathname.slice(root.pathname.length) : '';
  const next = here + location.search;
  location.replace(hubURL('login') + (next && `?${new URLSearchParams({ next })}`));
}
