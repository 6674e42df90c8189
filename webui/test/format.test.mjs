import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  describeChanges, formatAgo, formatBitrate, formatBytes, formatDuration, formatFPS, formatTime, stateLabel,
  summarizeStates,
} from '../assets/ui/format.js';

test('durations', () => {
  const cases = /** @type {[number, string][]} */ ([
    [-3, '0 ms'], [40.4, '40 ms'], [999, '999 ms'], [2500, '2.5 s'], [12_400, '12 s'], [190_000, '3 min'],
    [7_200_000, '2 h'], [345_600_000, '4 days'],
  ]);
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});

test('times ago', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  assert.equal(formatAgo('2026-01-02T03:04:05Z', now), 'just now');
  assert.equal(formatAgo('2026-01-02T03:04:01Z', now), '4 s ago');
  assert.equal(formatAgo('2026-01-02T02:04:05Z', now), '60 min ago');
  assert.equal(formatAgo('', now), 'never');
  assert.equal(formatAgo('0001-01-01T00:00:00Z', now), 'never');
});

test('the time of day, and the day if it is another one', () => {
  const now = new Date(2026, 0, 2, 3, 4, 5).getTime();
  const format = (/** @type {Date} */ at) => formatTime(at.toISOString(), now);
  assert.match(format(new Date(2026, 0, 2, 1, 15)), /^0?1.15/);
  assert.match(format(new Date(2026, 0, 1, 1, 15)), /Jan.*1.15/);
  assert.equal(formatTime('', now), '');
});

test('rates', () => {
  assert.equal(formatFPS(14.98), '15 fps');
  assert.equal(formatFPS(7.04), '7 fps');
  assert.equal(formatFPS(0.5), '0.5 fps');
  assert.equal(formatBitrate(812_000), '812 kbit/s');
  assert.equal(formatBitrate(2_140_000), '2.1 Mbit/s');
  assert.equal(formatBytes(1_234_567), '1.2 MB');
});

test('labels of states', () => {
  assert.equal(stateLabel('degraded'), 'Degraded');
  assert.equal(stateLabel('stalled'), 'Stalled');
  assert.equal(stateLabel('something-new'), 'something-new');
});

test('the summary counts what is live and what is a problem', () => {
  assert.equal(summarizeStates(['live']), '1 camera · 1 live');
  const states = ['live', 'idle', 'offline', 'stalled', 'starting', 'live'];
  assert.equal(summarizeStates(states), '6 cameras · 2 live · 2 problems');
});

test('changes that a screen reader announces', () => {
  const before = new Map([['a', 'live'], ['b', 'live'], ['c', 'idle'], ['d', 'live']]);
  assert.equal(describeChanges(before, before), '');
  assert.equal(describeChanges(before, new Map([...before, ['c', 'live']])), '', 'demand comes and goes');
  const after = new Map([['a', 'offline'], ['b', 'live'], ['c', 'idle'], ['e', 'live']]);
  assert.equal(describeChanges(before, after), 'a: Offline, e is new, d is gone');
  const nine = new Map(Array.from({ length: 9 }, (_, i) => [`c${i}`, 'live']));
  assert.equal(describeChanges(new Map(), nine), '9 cameras changed: c0 is new, c1 is new, c2 is new and others');
});
