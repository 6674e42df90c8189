import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chooseFPS, chooseKind, chooseWidth } from '../assets/player/stream-options.js';

test('a tile asks for the width that it needs, if that is worth a rendition', () => {
  const cases = /** @type {[number, number, number, number][]} */ ([
    [300, 1, 1280, 320], [300, 2, 1280, 640], [700, 1, 1280, 960], [900, 1, 1280, 0], [100, 1, 4000, 160],
    [2000, 1, 4000, 0], [300, 1, 400, 0], [300, 1, 0, 0], [0, 1, 1280, 0],
  ]);
  for (const [css, ratio, camera, width] of cases) {
    assert.equal(chooseWidth(css, ratio, camera), width, `${css} x ${ratio} of ${camera}`);
  }
  assert.equal(chooseWidth(315, 1, 480), 320);
  assert.equal(chooseWidth(325, 1, 480), 0, 'the next rendition is as wide as the camera');
});

test('many tiles ask for fewer pictures, unless the address says how many', () => {
  assert.deepEqual([1, 9, 10, 25, 26, 64].map((n) => chooseFPS(n, 0)), [0, 0, 10, 10, 5, 5]);
  assert.equal(chooseFPS(64, 15), 15);
});

test('a camera plays its own format, else what can be had', () => {
  const h264 = { format: /** @type {const} */ ('h264'), formats: ['h264', 'mp4', 'jpeg', 'mjpeg'] };
  const bare = { ...h264, formats: ['h264', 'mp4'] };
  const jpeg = { format: /** @type {const} */ ('jpeg'), formats: ['jpeg', 'mjpeg', 'h264', 'mp4'] };
  assert.equal(chooseKind(h264, 'auto', true), 'mp4');
  assert.equal(chooseKind(h264, 'auto', false), 'jpeg');
  assert.equal(chooseKind(bare, 'auto', false), null);
  assert.equal(chooseKind(bare, 'jpeg', true), 'mp4');
  assert.equal(chooseKind(jpeg, 'auto', true), 'jpeg');
  assert.equal(chooseKind(jpeg, 'mp4', true), 'mp4');
  assert.equal(chooseKind({ ...jpeg, formats: [] }, 'auto', true), null);
});
