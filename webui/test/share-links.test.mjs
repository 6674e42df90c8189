import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shareLinks } from '../assets/views/share-links.js';

const camera = { id: 'porch', format: 'h264', formats: ['h264', 'mp4', 'ts', 'mjpeg', 'new'], width: 640, height: 360 };

test('the addresses follow from the hub\'s outputs and the formats of the camera', () => {
  const links = shareLinks(camera, 'site', [
    { extension: 'jpeg', label: 'JPEG' }, { extension: 'mjpeg', label: 'MJPEG: for <img>', element: 'img' },
    { extension: 'mp4', label: 'MP4', element: 'video' }, { extension: 'h264', label: 'H.264' },
    { extension: 'ts', label: 'MPEG-TS' },
  ]);
  assert.deepEqual(links.map(([label]) => label), [
    'H.264', 'MP4', 'MPEG-TS', 'MJPEG: for <img>', 'new', 'NATS subject: one frame per message',
    'Only the picture, for an <iframe>', 'HTML for any page: MJPEG', 'HTML for any page: video',
    'HTML for any page: the live player',
  ]);
  const texts = Object.fromEntries(links);
  assert.match(texts['MPEG-TS'] ?? '', /\/cam\/porch\.ts$/);
  assert.equal(texts['NATS subject: one frame per message'], 'site.porch.h264');
  const [img, video] = [texts['HTML for any page: MJPEG'], texts['HTML for any page: video']];
  assert.match(img ?? '', /^<img src="[^"]*\/cam\/porch\.mjpeg" alt="porch" width="640" height="360">$/);
  const wanted = /^<video src="[^"]*\/cam\/porch\.mp4" autoplay muted playsinline width="640" height="360">/;
  assert.match(video ?? '', wanted);
});

test('a camera without formats has a subject and its page, and no address of a picture', () => {
  const links = shareLinks({ ...camera, formats: [] }, 'cam', [{ extension: 'mjpeg', label: 'MJPEG', element: 'img' }]);
  assert.equal(links.length, 3);
});
