import assert from 'node:assert/strict';
import { test } from 'node:test';

import { groupCameras, matchesView, moveCamera, neighborIndex, sortCameras } from '../assets/views/camera-order.js';

const cameras = (/** @type {string} */ ids) => ids.split(' ').map((id) => ({ id, host: `pi-${id}` }));
const ids = (/** @type {{id: string}[]} */ list) => list.map((c) => c.id).join(' ');

test('groups are what two or more ids share before their last dash', () => {
  const all = 'lab-door porch lab-bench bike-shed north-wing-1 north-wing-2 north-door';
  const groups = groupCameras(all.split(' '));
  assert.deepEqual([...groups], [['lab', ['lab-bench', 'lab-door']], ['north-wing', ['north-wing-1', 'north-wing-2']]]);
  assert.equal(groupCameras(['-a', '-b']).size, 0);
});

test('a view is a group and words', () => {
  const all = cameras('lab-bench lab-door porch');
  const shown = (/** @type {{group?: string, q?: string}} */ view) => (
    ids(all.filter((c) => matchesView(c, { group: '', q: '', ...view }))));
  assert.equal(shown({}), 'lab-bench lab-door porch');
  assert.equal(shown({ group: 'lab' }), 'lab-bench lab-door');
  assert.equal(shown({ q: 'PORCH' }), 'porch');
  assert.equal(shown({ q: 'pi door' }), 'lab-door');
  assert.equal(shown({ group: 'lab', q: 'porch' }), '');
});

test('cameras without a place come last, by name', () => {
  assert.equal(ids(sortCameras(cameras('a b c d'), ['d', 'gone', 'b'])), 'd b a c');
});

test('a camera takes the place of another', () => {
  assert.deepEqual(moveCamera([], ['a', 'b', 'c', 'd'], 'd', 'b'), ['a', 'd', 'b', 'c']);
  assert.deepEqual(moveCamera([], ['a', 'b', 'c', 'd'], 'a', 'c'), ['b', 'c', 'a', 'd']);
  assert.deepEqual(moveCamera(['b', 'a'], ['b', 'a'], 'x', 'a'), ['b', 'a'], 'not on the page');
});

test('a move within a group leaves the others where they are, those that are away too', () => {
  const order = moveCamera(['lab-b', 'porch', 'gone', 'lab-a', 'lab-c'], ['lab-b', 'lab-a', 'lab-c'], 'lab-c', 'lab-b');
  assert.deepEqual(order, ['lab-c', 'porch', 'gone', 'lab-b', 'lab-a']);
});

test('arrows lead through a grid whose last row is short', () => {
  const cases = /** @type {[string, number, number][]} */ ([
    ['ArrowRight', 0, 1], ['ArrowRight', 2, 3], ['ArrowRight', 7, 7], ['ArrowLeft', 0, 0], ['ArrowUp', 1, 1],
    ['ArrowUp', 4, 1],
    ['ArrowDown', 1, 4], ['ArrowDown', 5, 7], ['ArrowDown', 6, 6], ['Home', 5, 0], ['End', 1, 7],
  ]);
  for (const [key, from, to] of cases) assert.equal(neighborIndex(key, from, 8, 3), to, `${key} at ${from}`);
});
