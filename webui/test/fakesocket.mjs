// A WebSocket whose other end is the test.

/**
 * The bytes of a frame as the hub sends it.
 * @param {{type?: number, flags?: number, slot?: number, seq?: bigint, captured?: bigint, arrived?: bigint, media?: bigint, payload?: number[]}} frame times in microseconds
 */
export function frameBytes({ type = 1, flags = 0, slot = 1, seq = 1n, captured = 0n, arrived = 0n, media = 0n, payload = [] }) {
  const view = new DataView(new ArrayBuffer(40 + payload.length));
  view.setUint8(0, type);
  view.setUint8(1, flags);
  view.setUint32(4, slot);
  for (const [at, value] of /** @type {[number, bigint][]} */ ([[8, seq], [16, captured], [24, arrived], [32, media]])) view.setBigInt64(at, value);
  new Uint8Array(view.buffer, 40).set(payload);
  return view.buffer;
}

/** Stands in for the global WebSocket; the test finds its instances in FakeSocket.all. */
export class FakeSocket extends EventTarget {
  /** @type {FakeSocket[]} */
  static all = [];
  binaryType = 'blob';
  closed = false;
  /** @type {any[]} what the client said: parsed JSON, or [slot, count] */
  heard = [];

  /**
   * @param {string} url
   * @param {string[]} protocols
   */
  constructor(url, protocols) {
    super();
    this.url = url;
    this.protocols = protocols;
    FakeSocket.all.push(this);
  }

  /** The newest one. */
  static get last() {
    const last = FakeSocket.all.at(-1);
    if (!last) throw new Error('nobody has connected');
    return last;
  }

  /** @param {string | ArrayBuffer} message */
  send(message) {
    if (typeof message === 'string') return void this.heard.push(JSON.parse(message));
    const view = new DataView(message);
    this.heard.push([view.getUint32(0), view.getUint32(4)]);
  }

  close() {
    this.closed = true;
  }

  /** @param {object | ArrayBuffer} message from the hub */
  say(message) {
    const data = message instanceof ArrayBuffer ? message : JSON.stringify(message);
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }

  hello(now = Date.now() * 1000) {
    this.say({ op: 'hello', version: 'test', now });
  }

  /** The hub, or the network, ends it. */
  die() {
    this.dispatchEvent(new Event('close'));
  }

  /**
   * What the client said with this op.
   * @param {string} op
   */
  ops(op) {
    return this.heard.filter((message) => message.op === op);
  }

  get acks() {
    return this.heard.filter((message) => Array.isArray(message));
  }
}
