import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ago, bitrate, frameRate, isStalled, span, stateLabel, summary } from '../assets/words.js';
import { scene } from './scenes.mjs';

test('spans', () => {
  const cases = /** @type {[number, string][]} */ ([
    [-3, '0 ms'], [40.4, '40 ms'], [999, '999 ms'], [2500, '2.5 s'], [12_400, '12 s'], [190_000, '3 min'], [7_200_000, '2 h'], [345_600_000, '4 days'],
  ]);
  for (const [ms, text] of cases) assert.equal(span(ms), text);
});

test('times ago', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  assert.equal(ago('2026-01-02T03:04:05Z', now), 'just now');
  assert.equal(ago('2026-01-02T03:04:01Z', now), '4 s ago');
  assert.equal(ago('2026-01-02T02:04:05Z', now), '60 min ago');
  assert.equal(ago('', now), 'never');
});

test('rates', () => {
  assert.equal(frameRate(14.98), '15 fps');
  assert.equal(frameRate(7.04), '7 fps');
  assert.equal(frameRate(0.5), '0.5 fps');
  assert.equal(bitrate(812_000), '812 kbit/s');
  assert.equal(bitrate(2_140_000), '2.1 Mbit/s');
});

test('a live camera that sends nothing is stalled; an offline one is offline', () => {
  const cameras = scene('trouble', new Map());
  const label = (/** @type {string} */ id) => cameras.filter((c) => c.id === id).map(stateLabel).join();
  assert.equal(label('pond'), 'Stalled');
  assert.equal(label('garage'), 'Live');
  assert.equal(label('barn'), 'Offline');
  assert.equal(cameras.filter(isStalled).length, 1);
  assert.equal(summary(cameras), '9 cameras · 2 live · 5 problems');
  assert.equal(summary(scene('one', new Map())), '1 camera · 1 live');
});
