import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ago, bitrate, clock, frameRate, news, size, span, stateLabel, summary } from '../assets/words.js';

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
  assert.equal(ago('0001-01-01T00:00:00Z', now), 'never');
});

test('the time of day, and the day if it is another one', () => {
  const now = new Date(2026, 0, 2, 3, 4, 5).getTime();
  const words = (/** @type {Date} */ at) => clock(at.toISOString(), now);
  assert.match(words(new Date(2026, 0, 2, 1, 15)), /^0?1.15/);
  assert.match(words(new Date(2026, 0, 1, 1, 15)), /Jan.*1.15/);
  assert.equal(clock('', now), 'ever');
});

test('rates', () => {
  assert.equal(frameRate(14.98), '15 fps');
  assert.equal(frameRate(7.04), '7 fps');
  assert.equal(frameRate(0.5), '0.5 fps');
  assert.equal(bitrate(812_000), '812 kbit/s');
  assert.equal(bitrate(2_140_000), '2.1 Mbit/s');
  assert.equal(size(1_234_567), '1.2 MB');
});

test('the words of states', () => {
  assert.equal(stateLabel('degraded'), 'Degraded');
  assert.equal(stateLabel('stalled'), 'Stalled');
  assert.equal(stateLabel('something-new'), 'something-new');
});

test('the summary counts what is live and what is a problem', () => {
  assert.equal(summary(['live']), '1 camera · 1 live');
  assert.equal(summary(['live', 'idle', 'offline', 'stalled', 'starting', 'live']), '6 cameras · 2 live · 2 problems');
});

test('news are what a listener has to know', () => {
  const before = new Map([['a', 'live'], ['b', 'live'], ['c', 'idle'], ['d', 'live']]);
  assert.equal(news(before, before), '');
  assert.equal(news(before, new Map([...before, ['c', 'live']])), '', 'demand comes and goes');
  assert.equal(news(before, new Map([['a', 'offline'], ['b', 'live'], ['c', 'idle'], ['e', 'live']])), 'a: Offline, e is new, d is gone');
  assert.match(news(new Map(), new Map(Array.from({ length: 9 }, (_, i) => [`c${i}`, 'live']))), /^9 cameras changed: c0 is new, c1 is new, c2 is new and others$/);
});
