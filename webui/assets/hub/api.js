// The hub's HTTP API, as far as the page uses it. docs/ref/http.md specifies it.
import { hubURL } from './urls.js';

/** @typedef {import('./protocol.js').Camera} Camera */

/**
 * The members of GET api/v1/cameras/<id> beyond those of {@link Camera}.
 *
 * @typedef {object} CameraDetail
 * @property {'viewer' | 'operator'} role The caller's role for this camera.
 * @property {string} agent The agent's version.
 * @property {Record<string, number>} drops Frames lost at this hub, by reason.
 * @property {{frames: number, sent: number, drops?: Record<string, number>}} [at_agent] The agent's own counters.
 */

/**
 * The answer to GET api/v1/hub.
 *
 * @typedef {object} HubInfo
 * @property {string} version Version of the hub.
 * @property {NATSInfo} nats How agents reach the hub.
 * @property {string} subject_root First token of every NATS subject.
 * @property {boolean} ffmpeg Whether the hub has ffmpeg, and so can convert.
 * @property {{loopback: boolean}} http Whether the page is reachable from this host only.
 *
 * @typedef {object} NATSInfo
 * @property {string[]} urls Addresses of the hub's NATS.
 * @property {boolean} loopback Whether NATS is reachable from the hub's host only.
 * @property {boolean} auth_required Whether agents need a credential.
 * @property {string} [fingerprint] Fingerprint of the hub's key, with TLS.
 */

/**
 * The answer to GET api/v1/me.
 *
 * @typedef {object} CurrentUser
 * @property {string} name Name of the user.
 * @property {'viewer' | 'operator' | 'admin'} role The highest role of the user.
 * @property {boolean} open Whether the hub has no users, so that every client has all rights.
 * @property {string} [logout_url] URL that ends an external login; to open after the logout from the hub.
 */

/**
 * A control of a camera.
 *
 * @typedef {object} Control
 * @property {string} name The agent's name for it.
 * @property {'int' | 'bool' | 'menu' | 'button'} type Kind of its values.
 * @property {number} min Smallest value.
 * @property {number} max Largest value.
 * @property {number} step Distance of two values.
 * @property {number} default The device's default.
 * @property {number} value The value now.
 * @property {string[]} [menu] Names of the items from min on; unused ones are empty.
 * @property {boolean} [inactive] Whether another control sets its value now.
 *
 * @typedef {{controls?: Record<string, number>}} ControlValues
 * @typedef {{controls?: Control[]}} Controls
 */

const TIMEOUT_MS = 8000;

/** An error response of the hub. Its message is the detail of the hub's problem. */
export class HubError extends Error {
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
 * @returns {Promise<Response>} a response with an ok status
 * @throws {HubError} for any other status
 */
export async function fetchOK(path, init) {
  const response = await fetch(hubURL(path), { cache: 'no-store', ...init });
  if (response.ok) return response;
  const problem = await response.json().catch(() => null); // It may be a proxy's page.
  throw new HubError(response.status, problem?.detail || problem?.title || `The hub answered ${response.status}.`);
}

/**
 * @template T
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<T>}
 */
async function fetchJSON(path, init) {
  const response = await fetchOK(path, { signal: AbortSignal.timeout(TIMEOUT_MS), ...init });
  return response.json();
}

/** @returns {Promise<HubInfo>} */
export const fetchHub = () => fetchJSON('api/v1/hub');

/** @returns {Promise<CurrentUser>} */
export const fetchCurrentUser = () => fetchJSON('api/v1/me');

/** Ends the session at the hub. */
export const postLogout = () => fetchOK('logout', { method: 'POST', signal: AbortSignal.timeout(TIMEOUT_MS) });

/** @param {string} id @returns {Promise<Camera & CameraDetail>} */
export const fetchCamera = (id) => fetchJSON(`api/v1/cameras/${id}`);

/** @param {string} id @returns {Promise<Controls>} */
export const fetchControls = (id) => fetchJSON(`api/v1/cameras/${id}/controls`);

/** @param {string} id @param {ControlValues} values @returns {Promise<Controls>} */
export const setControls = (id, values) => fetchJSON(`api/v1/cameras/${id}/controls`, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(values),
});
