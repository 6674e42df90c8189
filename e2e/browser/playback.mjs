// Plays a video address in a bare <video> and checks that it keeps playing.
// node playback.mjs URL [--seconds 60]
import { parseArgs } from 'node:util';

import { run, usage } from './browser.mjs';

/**
 * @typedef {object} Sample
 * @property {number} at Seconds since the start.
 * @property {number} time The video's currentTime.
 * @property {number} lag Seconds from there to the buffered end.
 *
 * @typedef {object} Playback
 * @property {Sample[]} samples What was observed, every quarter of a second.
 * @property {[string, number][]} events Names of the video's events, and seconds since the start.
 * @property {string} error Why it does not play, or empty.
 * @property {number} total Frames that were decoded.
 * @property {number} dropped Frames of these that were not shown.
 * @property {number} width Width of the picture in pixels.
 * @property {number} height Height of the picture in pixels.
 */

const { values: flags, positionals: [url] } = parseArgs({
  allowPositionals: true, options: { seconds: { type: 'string', default: '60' } },
});
const seconds = Number(flags.seconds);
if (!url || !(seconds >= 5)) usage('playback.mjs URL [--seconds 60]   (at least 5)');

/** How long the first picture may take, and what one window of playback may lack, on a busy machine. */
const START_S = 15;
const WINDOW_S = 3;
const WINDOW_MIN = 0.5;

/**
 * Runs inside the page.
 * @param {{url: string, seconds: number, startSeconds: number}} options
 * @returns {Promise<Playback>}
 */
async function playInPage({ url: src, seconds: duration, startSeconds }) {
  const video = document.createElement('video');
  const began = performance.now();
  const since = () => (performance.now() - began) / 1000;
  /** @type {Playback} */
  const result = { samples: [], events: [], error: '', total: 0, dropped: 0, width: 0, height: 0 };
  for (const name of ['loadedmetadata', 'playing', 'waiting', 'ended']) {
    video.addEventListener(name, () => result.events.push([name, since()]));
  }
  video.addEventListener('error', () => { result.error = `MediaError ${video.error?.code}: ${video.error?.message}`; });
  Object.assign(video, { muted: true, autoplay: true, playsInline: true, src });
  document.body.append(video);
  // Autoplay alone waits until seconds are buffered.
  video.addEventListener('loadedmetadata', () => void video.play().catch((err) => { result.error = String(err); }));
  let started = 0;
  while (!result.error && (started ? since() < started + duration : since() < startSeconds)) {
    await new Promise((resolve) => { setTimeout(resolve, 250); });
    if (!started && video.currentTime > 0) started = since();
    const end = video.buffered.length ? video.buffered.end(video.buffered.length - 1) : 0;
    if (started) result.samples.push({ at: since(), time: video.currentTime, lag: end - video.currentTime });
  }
  const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
  const { videoWidth: width, videoHeight: height } = video;
  return { ...result, total: totalVideoFrames, dropped: droppedVideoFrames, width, height };
}

/**
 * What is wrong with a playback.
 * @param {Playback} playback
 * @returns {string} empty if nothing is
 */
function fault({ samples, error, events, total }) {
  const [first, last] = [samples[0], samples.at(-1)];
  if (error) return error;
  if (!first || !last) return `no picture within ${START_S} s; events: ${JSON.stringify(events)}`;
  if (events.some(([name]) => name === 'ended')) return 'the response ended';
  for (const from of samples) {
    const to = samples.find((s) => s.at >= from.at + WINDOW_S);
    const advanced = to ? (to.time - from.time) / (to.at - from.at) : 1;
    if (advanced < WINDOW_MIN) {
      const played = (advanced * WINDOW_S).toFixed(2);
      return `stalled: from ${from.at.toFixed(1)} s on, it played only ${played} s of video in ${WINDOW_S} s`;
    }
  }
  const played = (last.time - first.time) / (last.at - first.at);
  if (played < 0.9) return `played only ${Math.round(played * 100)} % of the time`;
  return total > 0 ? '' : 'decoded no frames';
}

await run('playback', async (browser) => {
  const page = await browser.newPage();
  // A bare page of the same origin: the dashboard would poll and stream beside the video.
  const bare = new URL('/bare.html', url).href;
  const body = '<!doctype html><title>test</title><body></body>';
  await page.route(bare, (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(bare);
  const playback = await page.evaluate(playInPage, { url, seconds, startSeconds: START_S });
  const { samples, events } = playback;
  const lags = samples.map((s) => s.lag).sort((a, b) => a - b);
  const when = (/** @type {string} */ name) => Math.round((events.find(([n]) => n === name)?.[1] ?? 0) * 1000);
  const report = {
    played_s: Number(((samples.at(-1)?.time ?? 0) - (samples[0]?.time ?? 0)).toFixed(2)),
    metadata_ms: when('loadedmetadata'),
    playing_ms: when('playing'),
    lag_s: { median: lags[lags.length >> 1], max: lags.at(-1) },
    waits: events.filter(([name]) => name === 'waiting').length,
    frames: playback.total,
    dropped: playback.dropped,
    size: `${playback.width}x${playback.height}`,
  };
  const wrong = fault(playback);
  if (wrong) throw new Error(`${url}: ${wrong} ${JSON.stringify(report)}`);
  return report;
});
