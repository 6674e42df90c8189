// The user's session: who is logged in, how it is kept, and the way to the login page when it has ended.
import { HubError, fetchCurrentUser, postLogout } from './api.js';
import { hubURL, root } from './urls.js';

const UNAUTHORIZED = 401;
/** The hub renews a session when it is used. An open WebSocket alone does not count as use. */
const RENEW_MS = 30 * 60_000;

/** @typedef {import('./api.js').CurrentUser} CurrentUser */

export class Session {
  #onUser;
  /** URL that ends a login at a proxy or an identity provider; empty for a login at the hub. */
  #logoutURL = '';

  /** @param {(user: CurrentUser) => void} onUser called each time that the hub has said who the user is */
  constructor(onUser) {
    this.#onUser = onUser;
  }

  /** Asks the hub who the user is, now and every half hour. */
  start() {
    void this.refresh();
    setInterval(() => this.refresh(), RENEW_MS);
  }

  /** Asks the hub who the user is. Opens the login page if the session has ended. */
  async refresh() {
    try {
      const user = await fetchCurrentUser();
      this.#logoutURL = user.logout_url ?? '';
      this.#onUser(user);
    } catch (err) {
      if (err instanceof HubError && err.status === UNAUTHORIZED) openLogin();
      // For any other error the page already says that the hub is lost.
    }
  }

  /** Ends the session, then opens the page that ends the external login, or else the login page. */
  async logOut() {
    await postLogout();
    if (/^https?:/.test(this.#logoutURL)) location.assign(this.#logoutURL);
    else openLogin();
  }
}

/** Opens the login page, which leads back to here. */
function openLogin() {
  const path = location.pathname.startsWith(root.pathname) ? location.pathname.slice(root.pathname.length) : '';
  const next = path + location.search;
  location.replace(hubURL('login') + (next && `?${new URLSearchParams({ next })}`));
}
