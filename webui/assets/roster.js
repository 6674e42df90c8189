// The cameras' states, put together from what the hub says has changed.

/**
 * @typedef {object} Camera
 * @property {string} id
 * @property {'live' | 'idle' | 'starting' | 'degraded' | 'offline' | 'conflict'} state
 * @property {string} reason why it is in this state, or empty
 * @property {string} warning what is wrong with it though it runs, or empty
 * @property {string} since RFC 3339
 * @property {string} last_seen RFC 3339; of an offline camera
 * @property {string} host the machine its agent runs on
 * @property {string} source
 * @property {'jpeg' | 'h264'} format what the camera delivers
 * @property {string[]} formats the extensions that can be had now
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {number} bitrate bits per second
 * @property {number} viewers
 *
 * @typedef {{all?: boolean, cameras?: Camera[], gone?: string[]}} Changes
 */

export class Roster {
  /** @type {Map<string, Camera>} */
  #cameras = new Map();
  /** All cameras, sorted by id; null until the hub has said them, and when it is lost. @type {Camera[] | null} */
  list = null;

  /** @param {Changes} changes */
  merge({ all, cameras = [], gone = [] }) {
    if (all) this.#cameras.clear();
    else if (!this.list) return; // Changes of what is not known.
    for (const id of gone) this.#cameras.delete(id);
    for (const camera of cameras) this.#cameras.set(camera.id, camera);
    this.list = [...this.#cameras.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  forget() {
    this.#cameras.clear();
    this.list = null;
  }
}
