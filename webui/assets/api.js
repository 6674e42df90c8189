// The hub's API as far as the page uses it.
import { hubURL } from './root.js';

/**
 * @typedef {'live' | 'idle' | 'starting' | 'degraded' | 'offline' | 'conflict'} State
 *
 * @typedef {object} Camera one camera of GET api/v1/cameras
 * @property {string} id
 * @property {State} state
 * @property {string} reason why it is in this state, or empty
 * @property {string} since RFC 3339
 * @property {string} host the machine its agent runs on
 * @property {string} agent the agent's version
 * @property {string} source
 * @property {'jpeg' | 'h264'} format what the camera delivers
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {number} bitrate bits per second
 * @property {number | null} age_ms age of the newest frame; null before the first
 * @property {number} viewers
 * @property {string} last_seen RFC 3339
 * @property {Record<string, number>} drops frames dropped, by reason
 * @property {string[]} formats the extensions that work now, such as jpeg and mjpeg
 */

const POLL_MS = 1000;
const POLL_MAX_MS = 2000;
const PATIENCE_MS = 4000;

/**
 * Asks for the cameras once a second, less often while there is no answer, until the signal fires.
 * @param {(cameras: Camera[]) => void} onCameras
 * @param {() => void} onLost called after each question that got no answer
 * @param {AbortSignal} signal
 */
export async function watchCameras(onCameras, onLost, signal) {
  let every = POLL_MS;
  while (!signal.aborted) {
    const asked = performance.now();
    const cameras = await fetchCameras(signal);
    if (signal.aborted) return;
    every = cameras ? POLL_MS : Math.min(every + POLL_MS / 2, POLL_MAX_MS);
    if (cameras) onCameras(cameras);
    else onLost();
    await pause(Math.max(0, every - (performance.now() - asked)), signal);
  }
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Camera[] | null>} null if the hub did not answer
 */
async function fetchCameras(signal) {
  try {
    const answer = await fetch(hubURL('api/v1/cameras'), {
      cache: 'no-store',
      priority: 'high',
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
    if (!answer.ok) return null;
    /** @type {{cameras: Camera[]}} */
    const { cameras } = await answer.json();
    return cameras;
  } catch {
    return null; // The page says that the hub is lost; the console already has the browser's own line.
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>} resolves early when the signal fires
 */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
