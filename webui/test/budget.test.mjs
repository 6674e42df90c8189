import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Budget } from '../assets/budget.js';

const video = (/** @type {string} */ id) => ({ id, video: true });
const jpeg = (/** @type {string} */ id) => ({ id, video: false });
const held = (/** @type {Set<string>} */ ids) => [...ids].sort().join(' ');

test('video comes first, since it has no still pictures', () => {
  assert.equal(held(new Budget(2).share([jpeg('a'), jpeg('b'), video('c')])), 'a c');
});

test('a holder keeps its stream while others wait', () => {
  const budget = new Budget(2);
  budget.share([jpeg('x'), jpeg('y')]);
  assert.equal(held(budget.share([jpeg('a'), jpeg('x'), jpeg('y')])), 'x y');
});

test('a stream that is free again goes to the first that waits', () => {
  const budget = new Budget(2);
  budget.share([video('a'), video('b'), video('c'), video('d')]);
  assert.equal(held(budget.share([video('b'), video('c'), video('d')])), 'b c');
});

test('video takes the stream of the newest JPEG holder', () => {
  const budget = new Budget(2);
  budget.share([jpeg('a'), jpeg('b')]);
  assert.equal(held(budget.share([jpeg('a'), jpeg('b'), video('c')])), 'a c');
});

test('a click takes the oldest stream, and repeated clicks go round', () => {
  const budget = new Budget(2);
  const all = [video('a'), video('b'), video('c'), video('d')];
  budget.share(all);
  budget.take('c');
  assert.equal(held(budget.share(all)), 'b c');
  budget.take('d');
  assert.equal(held(budget.share(all)), 'c d');
  budget.take('c');
  assert.equal(held(budget.share(all)), 'c d');
});
