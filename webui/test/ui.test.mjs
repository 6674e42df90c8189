// The parts of ui/ and views/ that need no browser: sparklines, zoom, file names, commands.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { agentCommand } from '../assets/views/empty-state.js';
import { timestampedName } from '../assets/ui/download.js';
import { fieldSpec } from '../assets/views/control-field.js';
import { niceMax, polylines } from '../assets/ui/sparkline.js';
import { FIT, panBy, zoomAt } from '../assets/ui/zoom.js';

test('the scale of a sparkline is a round number that holds every value', () => {
  const cases = /** @type {[number, number, number][]} */ ([
    [0, 10, 10], [10, 10, 10], [11, 10, 20], [21, 10, 50], [51, 10, 100], [NaN, 10, 10], [2_100_000, 1e6, 5e6],
  ]);
  for (const [max, least, scale] of cases) assert.equal(niceMax(max, least), scale);
});

test('a sparkline ends at the right edge, and has a gap where nothing is known', () => {
  const box = { width: 100, height: 40 };
  const samples = [
    { at: 0, value: 5 }, { at: 60_000, value: 10 }, { at: 70_000, value: null }, { at: 120_000, value: 99 },
  ];
  const lines = [[{ x: 0, y: 20 }, { x: 50, y: 0 }], [{ x: 100, y: 0 }]];
  assert.deepEqual(polylines(samples, 120_000, box, 10), lines);
  assert.deepEqual(polylines([], 0, box, 10), []);
});

test('zooming keeps what is under the pointer, and the picture in its box', () => {
  const box = { width: 800, height: 450 };
  const at = { x: 200, y: 100 };
  const transform = zoomAt(FIT, 2, at, box);
  assert.deepEqual(transform, { scale: 2, x: -200, y: -100 });
  assert.deepEqual(panBy(transform, 5000, 5000, box), { scale: 2, x: 0, y: 0 });
  assert.deepEqual(panBy(transform, -5000, -5000, box), { scale: 2, x: -800, y: -450 });
  assert.equal(zoomAt(transform, 1000, at, box).scale, 10);
  assert.deepEqual(zoomAt(transform, 0.01, at, box), { scale: 1, x: 0, y: 0 });
});

test('files sort by time', () => {
  assert.equal(timestampedName('porch', 'jpeg', new Date(2026, 0, 2, 3, 4, 5)), 'porch-20260102-030405.jpeg');
});

test('the command of an empty hub', () => {
  assert.equal(agentCommand('nats://192.168.1.20:4222'), 'bramble-agent --hub nats://192.168.1.20:4222');
  const pinned = 'bramble-agent --hub tls://192.168.1.20:4222 --tls-fingerprint sha256:ab';
  assert.equal(agentCommand('tls://192.168.1.20:4222', 'sha256:ab'), pinned);
});

test('a field makes the change that the agent gets', () => {
  const control = fieldSpec({
    name: 'white_balance_automatic', type: 'bool', min: 0, max: 1, step: 1, default: 1, value: 0,
  });
  assert.equal(control.label, 'White balance automatic');
  assert.deepEqual(control.change(1), { controls: { white_balance_automatic: 1 } });
});
