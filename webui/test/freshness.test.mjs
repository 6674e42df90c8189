import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Freshness, gradeAge } from '../assets/player/freshness.js';

/**
 * @param {number} every milliseconds
 * @param {number} count
 * @param {number} age
 */
function withPictures(every, count, age) {
  const freshness = new Freshness(0);
  for (let i = 1; i <= count; i++) freshness.addPicture(i * every, age);
  return freshness;
}

test('the rate is that of the pictures shown, and falls when they stop', () => {
  const freshness = withPictures(100, 50, 20);
  assert.ok(Math.abs(freshness.fps(5000) - 10) < 0.1);
  assert.ok(freshness.fps(9000) < 6);
  assert.equal(new Freshness(0).fps(1000), 0);
});

test('no new picture for three seconds is stale; one a second is not', () => {
  const freshness = withPictures(1000, 10, 20);
  assert.equal(freshness.isStale(10_990, 1), false);
  assert.equal(freshness.isStale(12_900, 1), false);
  assert.equal(freshness.isStale(13_000, 1), true);
  assert.equal(freshness.age(10_990), 20, 'before the next picture is due, the age is that at its arrival');
  assert.ok(freshness.age(12_900) > 1000);
});

test('a camera of one picture in ten seconds gets the time that it needs', () => {
  const freshness = withPictures(10_000, 3, 20);
  assert.equal(freshness.isStale(39_000, 0.1), false);
  assert.equal(freshness.isStale(56_000, 0.1), true);
});

test('without a picture the time counts from the beginning', () => {
  const freshness = new Freshness(500);
  assert.equal(freshness.hasPicture, false);
  assert.equal(freshness.sinceLast(700), 200);
  assert.equal(freshness.isStale(3500, 15), true);
});

test('grades', () => {
  assert.deepEqual([30, 400, 401, 1500, 9000].map(gradeAge), ['good', 'good', 'late', 'late', 'bad']);
});
