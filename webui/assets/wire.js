// The binary messages of the hub's /ws (docs/ref/ws.md). All numbers are big-endian.

/** What a frame is. */
export const JPEG = 1;
export const INIT = 2;
export const FRAGMENT = 3;

const HEADER = 40;
const KEY = 1;
const HISTORY = 2;
const SKIPPED = 4;

/**
 * @typedef {object} Frame
 * @property {number} type JPEG, INIT or FRAGMENT
 * @property {boolean} key decodes alone
 * @property {boolean} history leads the decoder to the live edge, not to be shown for its own sake
 * @property {boolean} skipped frames were left out before this one
 * @property {number} slot
 * @property {number} seq
 * @property {number} captured Unix milliseconds on the agent's clock
 * @property {number} arrived Unix milliseconds on the hub's clock, when the hub had it
 * @property {number} mediaTime seconds on the media's time line; of a fragment
 * @property {Uint8Array<ArrayBuffer>} payload a view of the message, not a copy
 */

/**
 * A 64-bit integer. Exact up to 2⁵³, which in microseconds is the year 2255.
 * @param {DataView} view
 * @param {number} at
 */
function int64(view, at) {
  return view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
}

/**
 * @param {ArrayBuffer} message
 * @returns {Frame}
 */
export function parseFrame(message) {
  if (message.byteLength < HEADER) throw new RangeError(`a frame of ${message.byteLength} bytes: its header alone has ${HEADER}`);
  const view = new DataView(message);
  const flags = view.getUint8(1);
  return {
    type: view.getUint8(0),
    key: (flags & KEY) !== 0,
    history: (flags & HISTORY) !== 0,
    skipped: (flags & SKIPPED) !== 0,
    slot: view.getUint32(4),
    seq: int64(view, 8),
    captured: int64(view, 16) / 1000,
    arrived: int64(view, 24) / 1000,
    mediaTime: int64(view, 32) / 1e6,
    payload: new Uint8Array(message, HEADER),
  };
}

/**
 * Says how many frames of a slot, counted since its watch, have been dealt with.
 * @param {number} slot
 * @param {number} count
 * @returns {ArrayBuffer}
 */
export function ack(slot, count) {
  const message = new ArrayBuffer(8);
  const view = new DataView(message);
  view.setUint32(0, slot);
  view.setUint32(4, count);
  return message;
}
