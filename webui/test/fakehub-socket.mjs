// The fake hub's /ws (docs/ref/ws.md): the cameras of a scene, and JPEGs for each watch.
import { ServerSocket } from './serversocket.mjs';

/** @typedef {import('./scenes.mjs').FakeCamera} FakeCamera */

const WINDOW = 2;
const HEADER_BYTES = 40;

/**
 * @param {import('node:http').IncomingMessage} req
 * @param {import('node:stream').Duplex} duplex
 * @param {() => FakeCamera[]} cameras
 * @param {(id: string) => Buffer} picture what a camera shows now
 * @param {number} rate pictures per second
 */
export function serveSocket(req, duplex, cameras, picture, rate) {
  const now = () => Date.now() * 1000;
  /** @type {Map<number, NodeJS.Timeout>} */
  const slots = new Map();
  /** @type {Map<number, number>} frames acknowledged, by slot */
  const acked = new Map();
  /** @type {NodeJS.Timeout | undefined} */
  let roster;
  let all = true;

  const sendRoster = () => {
    socket.sendJSON({ op: 'roster', all, cameras: cameras(), gone: [] });
    all = false;
  };

  /** @param {{slot: number, camera: string, kind: string, fps?: number}} request */
  const watch = ({ slot, camera: id, kind, fps }) => {
    const camera = cameras().find((c) => c.id === id);
    const end = (/** @type {number} */ status, /** @type {string} */ detail) => {
      socket.sendJSON({ op: 'ended', slot, error: { type: 'about:blank', title: 'Fake hub', status, detail } });
    };
    if (!camera) return end(404, `There is no camera ${id}.`);
    if (kind !== 'jpeg') return end(503, 'The fake hub has JPEGs only.');
    socket.sendJSON({ op: 'watching', slot, kind, camera: id, width: camera.width, height: camera.height });
    let seq = 0;
    const send = () => {
      const sends = cameras().find((c) => c.id === id)?.sends ?? false;
      if ((!sends && seq > 0) || seq - (acked.get(slot) ?? 0) >= WINDOW) return;
      if (sends !== 'nothing') socket.send(frame(slot, seq += 1, picture(id)));
    };
    send();
    slots.set(slot, setInterval(send, 1000 / Math.min(fps || rate, rate)));
  };

  const socket = new ServerSocket(req, duplex, 'bramble.v1', (data) => {
    if (typeof data !== 'string') return void acked.set(data.readUInt32BE(0), data.readUInt32BE(4));
    const message = JSON.parse(data);
    if (message.op === 'ping') return socket.sendJSON({ op: 'pong', t: message.t, now: now() });
    if (message.op === 'watch') return watch(message);
    if (message.op === 'unwatch') {
      clearInterval(slots.get(message.slot));
      return socket.sendJSON({ op: 'ended', slot: message.slot });
    }
    if (message.op !== 'roster') return;
    sendRoster();
    roster ??= setInterval(sendRoster, 500);
  });
  socket.sendJSON({ op: 'hello', version: 'fake', now: now() });
  duplex.on('close', () => {
    clearInterval(roster);
    for (const timer of slots.values()) clearInterval(timer);
  });
}

/**
 * @param {number} slot
 * @param {number} seq
 * @param {Buffer} jpeg
 */
function frame(slot, seq, jpeg) {
  const head = Buffer.alloc(HEADER_BYTES);
  const now = Date.now();
  head[0] = 1;
  head[1] = 1;
  head.writeUInt32BE(slot, 4);
  head.writeBigUInt64BE(BigInt(seq), 8);
  head.writeBigInt64BE(BigInt(now - 40) * 1000n, 16);
  head.writeBigInt64BE(BigInt(now - 12) * 1000n, 24);
  return Buffer.concat([head, jpeg]);
}
