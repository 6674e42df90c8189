// Pure parts of the page: sparklines, zoom, names of files, commands.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { agentCommand } from '../assets/notices.js';
import { fileName } from '../assets/save.js';
import { controlSpec } from '../assets/setting.js';
import { lines, niceMax } from '../assets/spark.js';
import { WHOLE, panned, zoomed } from '../assets/zoom.js';

test('the scale of a sparkline is a round number that holds every value', () => {
  const cases = /** @type {[number, number, number][]} */ ([[0, 10, 10], [10, 10, 10], [11, 10, 20], [21, 10, 50], [51, 10, 100], [NaN, 10, 10], [2_100_000, 1e6, 5e6]]);
  for (const [max, least, scale] of cases) assert.equal(niceMax(max, least), scale);
});

test('a sparkline ends at the right edge, and has a gap where nothing is known', () => {
  const samples = [{ at: 0, value: 5 }, { at: 60_000, value: 10 }, { at: 70_000, value: null }, { at: 120_000, value: 99 }];
  assert.deepEqual(lines(samples, 120_000, { width: 100, height: 40 }, 10), [[{ x: 0, y: 20 }, { x: 50, y: 0 }], [{ x: 100, y: 0 }]]);
  assert.deepEqual(lines([], 0, { width: 100, height: 40 }, 10), []);
});

test('zooming keeps what is under the pointer, and the picture in its box', () => {
  const box = { width: 800, height: 450 };
  const at = { x: 200, y: 100 };
  const place = zoomed(WHOLE, 2, at, box);
  assert.deepEqual(place, { scale: 2, x: -200, y: -100 });
  assert.deepEqual(panned(place, 5000, 5000, box), { scale: 2, x: 0, y: 0 });
  assert.deepEqual(panned(place, -5000, -5000, box), { scale: 2, x: -800, y: -450 });
  assert.equal(zoomed(place, 1000, at, box).scale, 10);
  assert.deepEqual(zoomed(place, 0.01, at, box), { scale: 1, x: 0, y: 0 });
});

test('files sort by time', () => {
  assert.equal(fileName('porch', 'jpeg', new Date(2026, 0, 2, 3, 4, 5)), 'porch-20260102-030405.jpeg');
});

test('the command of an empty hub', () => {
  assert.equal(agentCommand('nats://192.168.1.20:4222'), 'bramble-agent --hub nats://192.168.1.20:4222');
  assert.equal(agentCommand('tls://192.168.1.20:4222', 'sha256:ab'), 'bramble-agent --hub tls://192.168.1.20:4222 --tls-fingerprint sha256:ab');
});

test('settings say what the agent is to be told', () => {
  const control = controlSpec({ name: 'white_balance_automatic', type: 'bool', min: 0, max: 1, step: 1, default: 1, value: 0 });
  assert.equal(control.label, 'White balance automatic');
  assert.deepEqual(control.change(1), { controls: { white_balance_automatic: 1 } });
});
