// The messages of the hub's /ws: their types, and the coding of the binary ones. docs/ref/ws.md specifies them.
// connection.js and subscription.js connect, retry and dispatch.

/**
 * Client to hub: sends frames of a camera under a slot number. An absent option means the camera's own value.
 *
 * @typedef {object} WatchMessage
 * @property {'watch'} op The kind of message.
 * @property {number} slot Number that the client chose for this stream; it is never used again on a connection.
 * @property {string} camera Id of the camera.
 * @property {'jpeg' | 'mp4'} kind Whether the frames are JPEGs or fragments of MP4.
 * @property {number} [width] Width of the picture in pixels.
 * @property {number} [fps] Most frames per second; for kind jpeg.
 * @property {number} [quality] Quality of the JPEGs, 1 to 100; for kind jpeg.
 * @property {number} [bitrate] Bits per second; for kind mp4.
 * @property {number} [window] Most frames that may be unacknowledged, 1 to 64.
 */

/**
 * Client to hub: ends a slot. The hub answers with `ended`.
 *
 * @typedef {object} UnwatchMessage
 * @property {'unwatch'} op The kind of message.
 * @property {number} slot Number of the slot.
 */

/**
 * Client to hub: subscribes to the states of all cameras.
 *
 * @typedef {object} RosterRequest
 * @property {'roster'} op The kind of message.
 */

/**
 * Client to hub: measures the round trip. The hub answers with `pong`.
 *
 * @typedef {object} PingMessage
 * @property {'ping'} op The kind of message.
 * @property {number} t Any number of the client's, which the answer repeats.
 */

/** @typedef {WatchMessage | UnwatchMessage | RosterRequest | PingMessage} ClientMessage */

/**
 * Hub to client: the first message of a connection.
 *
 * @typedef {object} HelloMessage
 * @property {'hello'} op The kind of message.
 * @property {string} version Version of the hub.
 * @property {number} now The hub's clock, Unix microseconds.
 */

/**
 * Hub to client: describes the frames that follow. It comes before the first frame of a slot, and again when the size
 * or the codec changes.
 *
 * @typedef {object} WatchingMessage
 * @property {'watching'} op The kind of message.
 * @property {number} slot Number of the slot.
 * @property {'jpeg' | 'mp4'} kind Whether the frames are JPEGs or fragments of MP4.
 * @property {string} camera Id of the camera.
 * @property {number} width Width of the picture in pixels.
 * @property {number} height Height of the picture in pixels.
 * @property {string} [mime] Media type with its codecs, as a SourceBuffer needs it.
 */

/**
 * Hub to client: no frame has come for a second. The slot stays.
 *
 * @typedef {object} QuietMessage
 * @property {'quiet'} op The kind of message.
 * @property {number} slot Number of the slot.
 * @property {string} [reason] Why no frame comes, if the hub knows.
 */

/**
 * Hub to client: a slot has ended.
 *
 * @typedef {object} EndedMessage
 * @property {'ended'} op The kind of message.
 * @property {number} slot Number of the slot.
 * @property {Problem} [error] Why the hub ended it; absent in the answer to `unwatch`.
 */

/**
 * Hub to client: the states of cameras. The first message after a request has all of them, later ones have the changes.
 *
 * @typedef {object} RosterMessage
 * @property {'roster'} op The kind of message.
 * @property {boolean} [all] Whether the list is complete: cameras that are not in it do not exist.
 * @property {Camera[]} [cameras] Cameras that are new or have changed.
 * @property {string[]} [gone] Ids of cameras that no longer exist.
 */

/**
 * Hub to client: the answer to `ping`.
 *
 * @typedef {object} PongMessage
 * @property {'pong'} op The kind of message.
 * @property {number} t The number of the ping.
 * @property {number} now The hub's clock, Unix microseconds.
 */

/**
 * Hub to client: a message of the client could not be understood.
 *
 * @typedef {object} ErrorMessage
 * @property {'error'} op The kind of message.
 * @property {Problem} error What is wrong with it.
 */

/**
 * @typedef {HelloMessage | WatchingMessage | QuietMessage | EndedMessage | RosterMessage | PongMessage
 *   | ErrorMessage} HubMessage
 */

/**
 * Why the hub refuses something (RFC 9457).
 *
 * @typedef {object} Problem
 * @property {string} type URI of the kind of problem; about:blank if the status says enough.
 * @property {string} title The kind of problem in a few words.
 * @property {number} status Status of HTTP; 0 if there is no hub that could answer.
 * @property {string} detail The cause and the remedy.
 * @property {string} [parameter] Name of the parameter that is wrong.
 * @property {string[]} [cameras] Ids of the known cameras, if the requested one is unknown.
 * @property {number} [retry_after] Seconds after which to try again.
 */

/**
 * The state of a camera.
 *
 * @typedef {object} Camera
 * @property {string} id The camera's name in addresses and subjects.
 * @property {'live' | 'idle' | 'starting' | 'degraded' | 'offline' | 'conflict'} state How the camera is.
 * @property {string} reason Why it is in this state, or empty.
 * @property {string} warning What is wrong with it although it runs, or empty.
 * @property {string} since When it came into this state, as RFC 3339 has it.
 * @property {string} last_seen When an offline camera was last there, as RFC 3339 has it.
 * @property {string} host Name of the machine on which its agent runs.
 * @property {string} source The device, program or file from which the agent takes the frames.
 * @property {'jpeg' | 'h264'} format What the camera delivers.
 * @property {string[]} formats Extensions of the addresses that work now.
 * @property {number} width Width of the picture in pixels; 0 if it is not known.
 * @property {number} height Height of the picture in pixels; 0 if it is not known.
 * @property {number} fps Frames per second of late.
 * @property {number} bitrate Bits per second of late.
 * @property {number} viewers How many viewers it has.
 */

/**
 * Hub to client: a binary message.
 *
 * @typedef {object} Frame
 * @property {number} type What the payload is: {@link JPEG}, {@link INIT} or {@link FRAGMENT}.
 * @property {boolean} key Whether it decodes without the frames before it.
 * @property {boolean} history Whether it only leads the decoder to the live edge, and need not be shown.
 * @property {boolean} skipped Whether frames were left out before this one.
 * @property {number} slot Number of the slot.
 * @property {number} seq Number of the frame, counted by the agent.
 * @property {number} captured When the frame was captured, Unix milliseconds on the agent's clock.
 * @property {number} arrived When the frame reached the hub, Unix milliseconds on the hub's clock.
 * @property {number} mediaTime Seconds on the media's time line; of a fragment.
 * @property {Uint8Array<ArrayBuffer>} payload A view of the message, not a copy.
 */

/** WebSocket subprotocol. */
export const SUBPROTOCOL = 'bramble.v1';

/** Type of a frame that is a JPEG. */
export const JPEG = 1;
/** Type of a frame that is an MP4 init segment. */
export const INIT = 2;
/** Type of a frame that is an MP4 fragment. */
export const FRAGMENT = 3;

const HEADER_BYTES = 40;
const FLAG_KEY = 1;
const FLAG_HISTORY = 2;
const FLAG_SKIPPED = 4;

/**
 * Reads a 64-bit integer. It is exact up to 2⁵³, which in microseconds is the year 2255.
 *
 * @param {DataView} view The message.
 * @param {number} at Offset of the number in bytes.
 */
function readInt64(view, at) {
  return view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
}

/**
 * Decodes a binary message of the hub.
 *
 * @param {ArrayBuffer} message The message, which the frame's payload goes on using.
 * @returns {Frame}
 * @throws {RangeError} if the message is shorter than its header.
 */
export function parseFrame(message) {
  const { byteLength } = message;
  if (byteLength < HEADER_BYTES) {
    throw new RangeError(`a frame of ${byteLength} bytes: its header alone has ${HEADER_BYTES}`);
  }
  const view = new DataView(message);
  const flags = view.getUint8(1);
  return {
    type: view.getUint8(0),
    key: (flags & FLAG_KEY) !== 0,
    history: (flags & FLAG_HISTORY) !== 0,
    skipped: (flags & FLAG_SKIPPED) !== 0,
    slot: view.getUint32(4),
    seq: readInt64(view, 8),
    captured: readInt64(view, 16) / 1000,
    arrived: readInt64(view, 24) / 1000,
    mediaTime: readInt64(view, 32) / 1e6,
    payload: new Uint8Array(message, HEADER_BYTES),
  };
}

/**
 * Encodes an acknowledgement.
 *
 * @param {number} slot Number of the slot.
 * @param {number} count How many frames of the slot have been handled since its watch.
 * @returns {ArrayBuffer} The binary message.
 */
export function encodeAck(slot, count) {
  const message = new ArrayBuffer(8);
  const view = new DataView(message);
  view.setUint32(0, slot);
  view.setUint32(4, count);
  return message;
}
