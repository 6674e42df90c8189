import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Pulse, grade } from '../assets/pulse.js';

/**
 * @param {number} every milliseconds
 * @param {number} count
 * @param {number} age
 */
function beating(every, count, age) {
  const pulse = new Pulse(0);
  for (let i = 1; i <= count; i++) pulse.beat(i * every, age);
  return pulse;
}

test('the rate is that of the pictures shown, and falls when they stop', () => {
  const pulse = beating(100, 50, 20);
  assert.ok(Math.abs(pulse.fps(5000) - 10) < 0.1);
  assert.ok(pulse.fps(9000) < 6);
  assert.equal(new Pulse(0).fps(1000), 0);
});

test('no new picture for three seconds is stale; one a second is not', () => {
  const pulse = beating(1000, 10, 20);
  assert.equal(pulse.isStale(10_990, 1), false);
  assert.equal(pulse.isStale(12_900, 1), false);
  assert.equal(pulse.isStale(13_000, 1), true);
  assert.equal(pulse.age(10_990), 20, 'at its pace the picture is as old as it was when it came');
  assert.ok(pulse.age(12_900) > 1000);
});

test('a camera of one picture in ten seconds gets the time that it needs', () => {
  const pulse = beating(10_000, 3, 20);
  assert.equal(pulse.isStale(39_000, 0.1), false);
  assert.equal(pulse.isStale(56_000, 0.1), true);
});

test('without a picture the silence counts from the beginning', () => {
  const pulse = new Pulse(500);
  assert.equal(pulse.any, false);
  assert.equal(pulse.silence(700), 200);
  assert.equal(pulse.isStale(3500, 15), true);
});

test('grades', () => {
  assert.deepEqual([30, 400, 401, 1500, 9000].map(grade), ['good', 'good', 'late', 'late', 'bad']);
});
