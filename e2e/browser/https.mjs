// Opens the page of a hub with a self-signed certificate, and every kind of address that it uses, and reports by which
// protocol they came.
// node https.mjs BASE_URL --jpeg CAMERA --h264 CAMERA [--streams 8]
import { parseArgs } from 'node:util';

import { run, usage, collectFaults } from './browser.mjs';
import { untilMoving } from './tiles.mjs';

const { values: flags, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: { jpeg: { type: 'string' }, h264: { type: 'string' }, streams: { type: 'string', default: '8' } },
});
const { jpeg, h264 } = flags;
const streams = Number(flags.streams);
if (!base || !jpeg || !h264 || !(streams > 0)) usage('https.mjs BASE_URL --jpeg CAMERA --h264 CAMERA [--streams 8]');

const LIMIT_MS = 30_000;
const BARE = '/bare.html'; // is not the hub's

/**
 * Runs inside a bare page: a picture, more streams at a time than HTTP/1.1 has connections, a video, and the API.
 * @param {{jpeg: string, h264: string, streams: number, limit: number}} options
 */
async function open({ jpeg: still, h264: videoCamera, streams: count, limit }) {
  /**
   * @param {string} what
   * @param {() => boolean} done
   */
  const until = async (what, done) => {
    for (const end = performance.now() + limit; !done();) {
      if (performance.now() > end) throw new Error(`not within ${limit} ms: ${what}`);
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  };
  const images = Array.from({ length: count }, (_, i) => {
    const img = new Image();
    img.src = `/cam/${still}.mjpeg?n=${i}`;
    document.body.append(img);
    return img;
  });
  await until(`${count} streams show a picture at a time`, () => images.every((img) => img.naturalWidth > 0));
  const picture = new Image();
  picture.src = `/cam/${still}.jpeg`;
  await picture.decode();
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true, src: `/cam/${videoCamera}.mp4` });
  video.addEventListener('loadedmetadata', () => void video.play());
  document.body.append(video);
  await until('the video plays', () => video.currentTime > 0.2);
  /** @type {{cameras: unknown[]}} */
  const { cameras } = await (await fetch('/api/v1/cameras')).json();
  return { streams: images.length, cameras: cameras.length, width: picture.naturalWidth };
}

await run('https', async (browser) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const faults = collectFaults(page, base);
  /** @type {Record<string, string[]>} by protocol: paths */
  const paths = {};
  /** @type {string[]} */
  const sockets = [];
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  cdp.on('Network.responseReceived', ({ response }) => {
    const { pathname, protocol: scheme } = new URL(response.url);
    if (scheme !== 'https:' || pathname === BARE) return;
    const list = paths[response.protocol ?? ''] ??= [];
    if (!list.includes(pathname)) list.push(pathname);
  });
  cdp.on('Network.webSocketCreated', ({ url }) => sockets.push(url));
  const began = Date.now();
  await page.goto(base);
  const tiles = await untilMoving(page, 2, { seconds: LIMIT_MS / 1000, changes: 1 });
  const tiles_ms = Date.now() - began;
  const bare = new URL(BARE, base).href;
  const body = '<!doctype html><title>test</title><body></body>';
  await page.route(bare, (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(bare);
  const opened = await page.evaluate(open, { jpeg, h264, streams, limit: LIMIT_MS });
  if (faults.length) throw new Error(`the page has faults: ${faults.join('; ')}`);
  const kinds = tiles.map(({ kind }) => kind).sort();
  return { ...opened, tiles_ms, elapsed_ms: Date.now() - began, kinds, paths, sockets };
});
