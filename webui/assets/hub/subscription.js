// One stream of a HubConnection. It is requested again whenever it ends, until it is stopped.
import { encodeAck } from './protocol.js';

/** How long to wait before the next request. A longer time that the hub asks for comes first. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000, 15_000];
const BAD_REQUEST = 400;

/**
 * @typedef {import('./protocol.js').Frame} Frame
 * @typedef {import('./protocol.js').Problem} Problem
 * @typedef {import('./protocol.js').WatchingMessage} WatchingMessage
 * @typedef {Omit<import('./protocol.js').WatchMessage, 'op' | 'slot'>} StreamRequest
 */

/**
 * Receives the frames of a subscription. Every frame must be acknowledged, or the hub sends no more.
 *
 * @typedef {object} StreamHandler
 * @property {(info: WatchingMessage) => void} onWatching Called before the first frame. A new slot begins a new time
 *   line.
 * @property {(frame: Frame) => void} onFrame Called for each frame.
 * @property {(reason: string) => void} onQuiet Called when no frame has come for a while. The reason may be empty.
 * @property {(problem: Problem | null) => void} onEnded Called when the hub ended the stream or is lost; null: the page
 *   is hidden. The stream is requested again if that can help.
 */

/**
 * The connection of a subscription.
 *
 * @typedef {object} Transport
 * @property {(subscription: Subscription, request: StreamRequest) => number} open Requests the stream and returns its
 *   slot; 0 without a connection.
 * @property {(subscription: Subscription, slot: number) => void} close Removes the subscription, and ends its slot.
 * @property {(message: ArrayBuffer) => void} send Sends a binary message.
 */

/** The handler calls ack and stop. The connection calls the other methods. */
export class Subscription {
  /** Totals of all slots. */
  stats = { frames: 0, bytes: 0 };
  #transport;
  #request;
  #handler;
  #slot = 0;
  #received = 0;
  #acked = 0;
  #failures = 0;
  #stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;

  /**
   * @param {Transport} transport
   * @param {StreamRequest} request
   * @param {StreamHandler} handler
   */
  constructor(transport, request, handler) {
    this.#transport = transport;
    this.#request = request;
    this.#handler = handler;
  }

  /**
   * Acknowledges one more frame. A late call, for a frame of an earlier slot, does nothing: no more is acknowledged
   * than was received.
   */
  ack() {
    if (this.#slot === 0 || this.#acked >= this.#received) return;
    this.#acked += 1;
    this.#transport.send(encodeAck(this.#slot, this.#acked));
  }

  /** Ends the subscription. The handler is not called after this. */
  stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    const slot = this.#slot;
    this.detach();
    this.#transport.close(this, slot);
  }

  /** Requests the stream, in a new slot. */
  start() {
    this.detach();
    if (!this.#stopped) this.#slot = this.#transport.open(this, this.#request);
  }

  /** Forgets the slot and all that was in flight. */
  detach() {
    clearTimeout(this.#retryTimer);
    this.#slot = 0;
    this.#received = 0;
    this.#acked = 0;
  }

  /** @param {Frame} frame */
  handleFrame(frame) {
    this.#received += 1;
    this.#failures = 0;
    this.stats.frames += 1;
    this.stats.bytes += frame.payload.byteLength;
    this.#handler.onFrame(frame);
  }

  /** @param {WatchingMessage} info */
  handleWatching(info) {
    this.#handler.onWatching(info);
  }

  /** @param {string} reason */
  handleQuiet(reason) {
    this.#handler.onQuiet(reason);
  }

  /** @param {Problem} problem */
  handleEnded(problem) {
    this.detach();
    if (problem.status !== BAD_REQUEST) {
      const delay = RETRY_DELAYS_MS[Math.min(this.#failures, RETRY_DELAYS_MS.length - 1)] ?? 0;
      this.#failures += 1;
      // The delay is random, so that many tiles do not ask at the same moment.
      const wait = Math.max(delay, (problem.retry_after ?? 0) * 1000) * (1 + Math.random() / 4);
      this.#retryTimer = setTimeout(() => this.start(), wait);
    }
    this.#handler.onEnded(problem);
  }

  /** @param {Problem | null} problem why there is no connection; null: the page is hidden */
  handleLost(problem) {
    this.detach();
    this.#handler.onEnded(problem);
  }
}
