import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BufferMargin, PendingFrames, catchUpRate } from '../assets/player/live-edge.js';

test('the more is left, the faster it plays; with nothing left it plays a little slower', () => {
  const rates = [-0.1, 0, 0.03, 0.06, 0.1, 0.3, 0.9].map(catchUpRate);
  assert.deepEqual(rates, [0.97, 0.97, 1, 1, 1.1, 1.3, 1.5]);
});

test('a viewer ends up close to the live edge, and stays there, at any frame rate and with jitter', () => {
  for (const fps of [1, 5, 15, 30, 60]) {
    const margin = new BufferMargin();
    let [left, rate, late] = [0.9, 1, 0];
    /** @type {number[]} */
    const settled = [];
    for (let i = 0; i < 60 * fps; i++) {
      const jitter = (i % 7) * 0.004; // at most 24 ms
      left = Math.max(0, left + 1 / fps - (1 / fps + jitter - late) * rate);
      late = jitter;
      rate = catchUpRate(margin.add(left - 1 / fps, (i * 1000) / fps));
      if (i > 40 * fps) settled.push(left - 1 / fps);
    }
    assert.ok(Math.max(...settled) < 0.14, `${fps} fps: ${Math.max(...settled)} s too much`);
  }
});

test('the least of the last two seconds counts', () => {
  const margin = new BufferMargin();
  assert.equal(margin.add(0.3, 0), 0.3);
  assert.equal(margin.add(0.1, 500), 0.1);
  assert.equal(margin.add(0.4, 1000), 0.1);
  assert.equal(margin.add(0.5, 2400), 0.1);
  assert.equal(margin.add(0.5, 2600), 0.4);
  assert.equal(margin.add(0.5, 9000), 0.5);
});

test('a picture is found by its time, rounded or not, and once', () => {
  const pending = new PendingFrames();
  for (const i of [1, 2, 3, 4]) pending.add({ time: i / 15, captured: i, arrived: i });
  assert.equal(pending.takeShown(0.06), null, 'a frame of the history');
  assert.equal(pending.takeShown(1 / 15 - 1e-7)?.captured, 1);
  assert.equal(pending.takeShown(1 / 15), null);
  assert.equal(pending.takeShown(3 / 15 + 0.01)?.captured, 3, 'one was never on the screen');
  assert.equal(pending.takeShown(1)?.captured, 4);
  for (let i = 0; i < 600; i++) pending.add({ time: i, captured: i, arrived: i });
  assert.equal(pending.takeShown(0), null, 'it keeps no more than it needs');
});
