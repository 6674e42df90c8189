// The states of all cameras, put together from the hub's roster messages.

/**
 * @typedef {import('./protocol.js').Camera} Camera
 * @typedef {import('./protocol.js').RosterMessage} RosterMessage
 */

export class CameraList {
  /** @type {Map<string, Camera>} */
  #byId = new Map();
  /** All cameras, sorted by id; null until the hub has sent them, and after the hub is lost. @type {Camera[] | null} */
  cameras = null;

  /** @param {Pick<RosterMessage, 'all' | 'cameras' | 'gone'>} message */
  merge({ all, cameras = [], gone = [] }) {
    if (all) this.#byId.clear();
    else if (!this.cameras) return; // Changes to a list that is not known.
    for (const id of gone) this.#byId.delete(id);
    for (const camera of cameras) this.#byId.set(camera.id, camera);
    this.cameras = [...this.#byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  clear() {
    this.#byId.clear();
    this.cameras = null;
  }
}
