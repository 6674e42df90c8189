// A WebSocket for unit tests: the test is the hub.

/**
 * The bytes of a frame as the hub sends it.
 * @param {{type?: number, flags?: number, slot?: number, seq?: bigint, captured?: bigint, arrived?: bigint,
 *   media?: bigint, payload?: number[]}} frame times in microseconds
 */
export function frameBytes(frame) {
  const { type = 1, flags = 0, slot = 1, seq = 1n, captured = 0n, arrived = 0n, media = 0n, payload = [] } = frame;
  const view = new DataView(new ArrayBuffer(40 + payload.length));
  view.setUint8(0, type);
  view.setUint8(1, flags);
  view.setUint32(4, slot);
  view.setBigInt64(8, seq);
  view.setBigInt64(16, captured);
  view.setBigInt64(24, arrived);
  view.setBigInt64(32, media);
  new Uint8Array(view.buffer, 40).set(payload);
  return view.buffer;
}

/** Stands in for the global WebSocket; the test finds its instances in FakeSocket.all. */
export class FakeSocket extends EventTarget {
  /** @type {FakeSocket[]} */
  static all = [];
  binaryType = 'blob';
  closed = false;
  /** @type {any[]} what the client sent: parsed JSON, or [slot, count] */
  sent = [];

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
    if (!last) throw new Error('no client has connected');
    return last;
  }

  /** @param {string | ArrayBuffer} message */
  send(message) {
    if (typeof message === 'string') return void this.sent.push(JSON.parse(message));
    const view = new DataView(message);
    this.sent.push([view.getUint32(0), view.getUint32(4)]);
  }

  close() {
    this.closed = true;
  }

  /** @param {object | ArrayBuffer} message from the hub */
  receive(message) {
    const data = message instanceof ArrayBuffer ? message : JSON.stringify(message);
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }

  hello(now = Date.now() * 1000) {
    this.receive({ op: 'hello', version: 'test', now });
  }

  /** The hub or the network closes the connection. */
  drop() {
    this.dispatchEvent(new Event('close'));
  }

  /**
   * The messages that the client sent with this op.
   * @param {string} op
   */
  ops(op) {
    return this.sent.filter((message) => message.op === op);
  }

  get acks() {
    return this.sent.filter((message) => Array.isArray(message));
  }
}
