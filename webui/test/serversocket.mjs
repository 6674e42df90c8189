// The server's side of a WebSocket (RFC 6455), as far as the fake hub needs it: whole messages of a browser on
// loopback.
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;

/** @typedef {import('node:stream').Duplex} Duplex */

export class ServerSocket {
  #socket;
  #got = Buffer.alloc(0);

  /**
   * Accepts an upgrade.
   * @param {import('node:http').IncomingMessage} req
   * @param {Duplex} socket
   * @param {string} protocol
   * @param {(message: string | Buffer) => void} onMessage text, or bytes
   */
  constructor(req, socket, protocol, onMessage) {
    this.#socket = socket;
    const key = createHash('sha1').update(`${req.headers['sec-websocket-key']}${GUID}`).digest('base64');
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    head.push(`Sec-WebSocket-Accept: ${key}`, `Sec-WebSocket-Protocol: ${protocol}`);
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.on('error', () => {}); // It closes then.
    socket.on('data', (/** @type {Buffer} */ data) => {
      this.#got = Buffer.concat([this.#got, data]);
      while (this.#take(onMessage));
    });
  }

  /** @param {object} message */
  sendJSON(message) {
    this.#send(TEXT, Buffer.from(JSON.stringify(message)));
  }

  /** @param {Buffer} bytes */
  send(bytes) {
    this.#send(BINARY, bytes);
  }

  /**
   * @param {number} opcode
   * @param {Buffer} bytes
   */
  #send(opcode, bytes) {
    const head = Buffer.alloc(bytes.length < 126 ? 2 : bytes.length < 65536 ? 4 : 10);
    head[0] = 0x80 | opcode;
    if (bytes.length < 126) head[1] = bytes.length;
    else if (bytes.length < 65536) { head[1] = 126; head.writeUInt16BE(bytes.length, 2); }
    else { head[1] = 127; head.writeBigUInt64BE(BigInt(bytes.length), 2); }
    if (this.#socket.writable) { this.#socket.write(head); this.#socket.write(bytes); }
  }

  /**
   * Takes the first message off the bytes that were received.
   * @param {(message: string | Buffer) => void} onMessage
   * @returns {boolean} whether there was one
   */
  #take(onMessage) {
    const got = this.#got;
    if (got.length < 2) return false;
    const short = (got[1] ?? 0) & 0x7f;
    const at = short === 126 ? 4 : 2; // A browser's messages are short here.
    const length = short === 126 && got.length >= 4 ? got.readUInt16BE(2) : short;
    if (got.length < at + 4 + length) return false;
    const mask = got.subarray(at, at + 4);
    const body = Buffer.from(got.subarray(at + 4, at + 4 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0)));
    const opcode = (got[0] ?? 0) & 0x0f;
    this.#got = got.subarray(at + 4 + length);
    if (opcode === CLOSE) this.#socket.end();
    if (opcode === TEXT) onMessage(body.toString());
    if (opcode === BINARY) onMessage(body);
    return true;
  }
}
