// Numbers and states in words.

/** @typedef {import('./api.js').Camera} Camera */

/** A live camera whose newest frame is older than this is not live to a viewer. */
const STALLED_MS = 3000;

/**
 * @param {number} ms
 * @returns {string} such as 40 ms, 2.5 s, 3 min, 2 h or 4 days
 */
export function span(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 90 * 60) return `${Math.round(s / 60)} min`;
  if (s < 36 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

/**
 * @param {string} time RFC 3339
 * @param {number} now Unix milliseconds
 */
export function ago(time, now) {
  const ms = now - Date.parse(time);
  if (Number.isNaN(ms)) return 'never';
  return ms < 1000 ? 'just now' : `${span(Math.round(ms / 1000) * 1000).replace('.0', '')} ago`;
}

/** @param {number} bits per second */
export function bitrate(bits) {
  return bits < 1e6 ? `${Math.round(bits / 1e3)} kbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`;
}

/** @param {number} fps */
export function frameRate(fps) {
  return `${fps < 9.95 ? fps.toFixed(1).replace('.0', '') : Math.round(fps)} fps`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
export function many(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * Whether the camera claims to be running and yet sends nothing.
 * @param {Camera} camera
 */
export function isStalled(camera) {
  const running = camera.state === 'live' || camera.state === 'degraded' || camera.state === 'conflict';
  return running && (camera.age_ms ?? 0) > STALLED_MS;
}

/** @type {Record<Camera['state'], string>} */
const labels = { live: 'Live', idle: 'Idle', starting: 'Starting', degraded: 'Degraded', offline: 'Offline', conflict: 'Conflict' };

/** @param {Camera} camera */
export function stateLabel(camera) {
  return isStalled(camera) ? 'Stalled' : (labels[camera.state] ?? camera.state);
}

/**
 * One line about all cameras, such as: 4 cameras · 3 live · 1 problem.
 * @param {Camera[]} cameras
 */
export function summary(cameras) {
  const live = cameras.filter((c) => c.state === 'live' && !isStalled(c)).length;
  const problems = cameras.filter((c) => !['live', 'idle', 'starting'].includes(c.state) || isStalled(c)).length;
  const parts = [many(cameras.length, 'camera'), `${live} live`];
  if (problems) parts.push(many(problems, 'problem'));
  return parts.join(' · ');
}
