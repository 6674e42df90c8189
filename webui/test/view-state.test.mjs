import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formatView, hasView, parseView } from '../assets/views/view-state.js';

test('an address and its view', () => {
  const view = { cols: 3, group: 'lab', q: 'porch', fps: 2.5, kiosk: true };
  assert.deepEqual(parseView('?group=lab&cols=3&q=porch&fps=2.5&kiosk'), view);
  assert.deepEqual(parseView(''), { cols: 0, group: '', q: '', fps: 0, kiosk: false });
  assert.equal(parseView('?kiosk=0').kiosk, false);
});

test('what cannot be read counts as absent', () => {
  const { cols, fps } = parseView('?cols=many&fps=-3');
  assert.equal(cols, 0);
  assert.equal(fps, 0);
  assert.equal(parseView('?cols=1000').cols, 0);
  assert.equal(parseView(`?q=${'x'.repeat(5000)}`).q.length, 100);
});

test('a view returns from its address, and other parameters stay', () => {
  const view = { cols: 4, group: 'north wing', q: 'a&b', fps: 5, kiosk: true };
  const search = formatView(view, '?other=1&q=old');
  assert.deepEqual(parseView(search), view);
  assert.equal(new URLSearchParams(search).get('other'), '1');
  assert.equal(formatView(parseView(''), '?q=old'), '');
});

test('an address without a view leaves it to what is remembered', () => {
  assert.equal(hasView('?other=1'), false);
  assert.equal(hasView('?kiosk'), true);
});
