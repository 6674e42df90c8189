import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FRAGMENT, encodeAck, parseFrame } from '../assets/hub/protocol.js';
import { frameBytes } from './fakesocket.mjs';

test('a frame is read field by field, and its payload is not copied', () => {
  const message = frameBytes({
    type: 3, flags: 1 | 4, slot: 4_000_000_000, seq: 2n ** 40n + 5n, captured: 1_790_000_000_123_456n,
    arrived: 1_790_000_000_130_500n, media: -250_000n, payload: [7, 8, 9],
  });
  const frame = parseFrame(message);
  assert.deepEqual({ ...frame, payload: [...frame.payload] }, {
    type: FRAGMENT, key: true, history: false, skipped: true, slot: 4_000_000_000, seq: 2 ** 40 + 5,
    captured: 1_790_000_000_123.456, arrived: 1_790_000_000_130.5, mediaTime: -0.25, payload: [7, 8, 9],
  });
  assert.equal(frame.payload.buffer, message);
});

test('each flag is its own', () => {
  const flags = [1, 2, 4].map((bit) => parseFrame(frameBytes({ flags: bit })));
  const values = flags.map(({ key, history, skipped }) => [key, history, skipped]);
  assert.deepEqual(values, [[true, false, false], [false, true, false], [false, false, true]]);
});

test('a message that is shorter than a header is refused', () => {
  assert.throws(() => parseFrame(new ArrayBuffer(39)), RangeError);
  assert.equal(parseFrame(new ArrayBuffer(40)).payload.length, 0);
});

test('an acknowledgement is slot and count, big-endian', () => {
  assert.deepEqual([...new Uint8Array(encodeAck(258, 4_294_967_295))], [0, 0, 1, 2, 255, 255, 255, 255]);
});
