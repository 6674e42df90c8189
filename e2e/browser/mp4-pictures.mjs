// Shows MP4 streams in Chromium, by a bare <video> and by Media Source Extensions, and prints the pictures that were on
// the screen.
// node mp4-pictures.mjs URL... [--pictures 5]
import { parseArgs } from 'node:util';

import { run, usage } from './browser.mjs';

/** @typedef {{url: string, way: string, pictures: string[]}} Watched pictures are PNGs in base64 */

const { values: flags, positionals: urls } = parseArgs({
  allowPositionals: true, options: { pictures: { type: 'string', default: '5' } },
});
const count = Number(flags.pictures);
const [first] = urls;
if (!first || !(count > 0)) usage('mp4-pictures.mjs URL... [--pictures 5]');

/** How long a stream may take to show its pictures on a busy machine. */
const LIMIT_MS = 25_000;

/**
 * Runs inside the page.
 * @param {{url: string, way: string, count: number, limit: number}} options
 * @returns {Promise<string[]>}
 */
async function watchInPage({ url, way, count: wanted, limit }) {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true });
  document.body.append(video);
  const leaving = new AbortController();
  /** @type {Promise<never>} */
  const failed = new Promise((_, reject) => {
    video.addEventListener('error', () => {
      reject(new Error(`MediaError ${video.error?.code}: ${video.error?.message}`));
    });
    setTimeout(() => reject(new Error(`no ${wanted} pictures within ${limit} ms`)), limit);
  });

  /** Feeds a SourceBuffer with what comes, as players do that want to decide on their buffer themselves. */
  const append = async () => {
    const source = new MediaSource();
    const open = new Promise((resolve) => { source.addEventListener('sourceopen', resolve, { once: true }); });
    video.src = URL.createObjectURL(source);
    await open;
    const body = (await fetch(url, { signal: leaving.signal })).body?.getReader();
    /** @type {SourceBuffer | undefined} */
    let buffer;
    let head = new Uint8Array();
    for (;;) {
      const { value, done } = await (body?.read() ?? { value: undefined, done: true });
      if (done || !value) throw new Error('the response ended');
      let bytes = new Uint8Array(value);
      if (!buffer) {
        bytes = new Uint8Array([...head, ...value]);
        head = bytes;
        // Profile, constraints and level stand behind the name and the version of the avcC box (ISO/IEC 14496-15,
        // 5.3.3.1).
        const at = bytes.findIndex((_, i) => String.fromCharCode(...bytes.subarray(i, i + 4)) === 'avcC');
        if (at < 0 || bytes.length < at + 8) continue;
        const codec = [...bytes.subarray(at + 5, at + 8)].map((b) => b.toString(16).padStart(2, '0')).join('');
        buffer = source.addSourceBuffer(`video/mp4; codecs="avc1.${codec}"`);
      }
      const target = buffer;
      const taken = new Promise((resolve) => { target.addEventListener('updateend', resolve, { once: true }); });
      target.appendBuffer(bytes);
      await taken;
      if (video.currentTime === 0 && video.buffered.length > 0) video.currentTime = video.buffered.start(0);
    }
  };

  const capture = async () => {
    const canvas = document.createElement('canvas');
    /** @type {string[]} */
    const pictures = [];
    while (pictures.length < wanted) {
      await new Promise((resolve) => { video.requestVideoFrameCallback(resolve); });
      Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext('2d')?.drawImage(video, 0, 0);
      pictures.push(canvas.toDataURL('image/png').replace(/^.*,/, ''));
    }
    return pictures;
  };

  const captured = capture();
  const fed = way === 'mse' ? append() : new Promise(() => { video.src = url; });
  video.addEventListener('loadedmetadata', () => void video.play());
  try {
    return await Promise.race([captured, failed, fed.then(() => [])]);
  } finally {
    fed.catch(() => {}); // it is aborted
    failed.catch(() => {}); // its time comes too late now
    leaving.abort();
    video.removeAttribute('src');
    video.load();
    video.remove();
  }
}

await run('mp4-pictures', async (browser) => {
  const page = await browser.newPage();
  const bare = new URL('/bare.html', first).href;
  const body = '<!doctype html><title>test</title><body></body>';
  await page.route(bare, (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(bare);
  /** @type {Watched[]} */
  const watched = [];
  for (const url of urls) { // one after the other: a browser opens only six connections to a host
    for (const way of ['video', 'mse']) {
      try {
        watched.push({ url, way, pictures: await page.evaluate(watchInPage, { url, way, count, limit: LIMIT_MS }) });
      } catch (err) {
        throw new Error(`${url} by ${way}: ${err instanceof Error ? err.message : err}`);
      }
    }
  }
  return watched;
});
