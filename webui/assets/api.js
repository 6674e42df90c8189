// The hub's API as far as the page uses it, besides /ws.
import { hubURL } from './root.js';

/**
 * @typedef {import('./roster.js').Camera} Camera
 *
 * @typedef {object} Detail what GET api/v1/cameras/<id> says beyond that
 * @property {'viewer' | 'operator'} role the role of the caller for this camera
 * @property {string} agent the agent's version
 * @property {Record<string, number>} drops frames lost at this hub, by reason
 * @property {{frames: number, sent: number, drops?: Record<string, number>}} [at_agent]
 *
 * @typedef {object} Hub
 * @property {string} version
 * @property {{urls: string[], loopback: boolean, asks: boolean, fingerprint?: string}} nats asks: agents need a credential; fingerprint: of its key, with TLS
 * @property {string} subject_root
 * @property {boolean} ffmpeg
 * @property {{loopback: boolean}} http
 *
 * @typedef {object} Me who asks
 * @property {string} name
 * @property {'viewer' | 'operator' | 'admin'} role
 * @property {boolean} open nobody is asked
 * @property {string} [logout_url] URL that ends the external login, to open after the logout from the hub
 *
 * @typedef {object} Control
 * @property {string} name
 * @property {'int' | 'bool' | 'menu' | 'button'} type
 * @property {number} min
 * @property {number} max
 * @property {number} step
 * @property {number} default
 * @property {number} value
 * @property {string[]} [menu] the items' names from min on; unused ones are empty
 * @property {boolean} [inactive] another control decides now
 *
 * @typedef {{controls?: Record<string, number>}} Settings
 * @typedef {{controls?: Control[]}} Controls
 */

const PATIENCE_MS = 8000;

/** An answer of the hub that is not what was asked for, with the hub's own words. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} one that is ok
 * @throws {Refused}
 */
export async function ask(path, init) {
  const answer = await fetch(hubURL(path), { cache: 'no-store', ...init });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => null); // a proxy's page, maybe
  throw new Refused(answer.status, problem?.detail || problem?.title || `The hub answered ${answer.status}.`);
}

/**
 * @template T
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<T>}
 */
async function json(path, init) {
  const answer = await ask(path, { signal: AbortSignal.timeout(PATIENCE_MS), ...init });
  return answer.json();
}

/** @returns {Promise<Hub>} */
export const fetchHub = () => json('api/v1/hub');

/** @returns {Promise<Me>} */
export const fetchMe = () => json('api/v1/me');

/** Ends the session. */
export const logOut = () => ask('logout', { method: 'POST', signal: AbortSignal.timeout(PATIENCE_MS) });

/** @param {string} id @returns {Promise<Camera & Detail>} */
export const fetchCamera = (id) => json(`api/v1/cameras/${id}`);

/** @param {string} id @returns {Promise<Controls>} */
export const fetchControls = (id) => json(`api/v1/cameras/${id}/controls`);

/** @param {string} id @param {Settings} settings @returns {Promise<Controls>} */
export const configure = (id, settings) => json(`api/v1/cameras/${id}/controls`, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(settings),
});
