// Numbers and states in words.

/** @typedef {import('./api.js').Camera} Camera */

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
  if (Number.isNaN(ms) || time.startsWith('0001')) return 'never';
  return ms < 1000 ? 'just now' : `${span(Math.round(ms / 1000) * 1000).replace('.0', '')} ago`;
}

/**
 * When, in the reader's own form: the time, and the day if it is another one.
 * @param {string} time RFC 3339
 * @param {number} now Unix milliseconds
 */
export function clock(time, now) {
  const at = new Date(time);
  if (ago(time, now) === 'never') return 'ever';
  /** @type {Intl.DateTimeFormatOptions} */
  const day = at.toDateString() === new Date(now).toDateString() ? {} : { day: 'numeric', month: 'short' };
  return at.toLocaleString(undefined, { ...day, hour: 'numeric', minute: '2-digit' });
}

/** @param {number} bits per second */
export function bitrate(bits) {
  return bits < 1e6 ? `${Math.round(bits / 1e3)} kbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`;
}

/** @param {number} bytes */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
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

/** @type {Record<Camera['state'] | 'stalled' | 'lost', string>} */
const labels = {
  live: 'Live', idle: 'Idle', starting: 'Starting', degraded: 'Degraded', offline: 'Offline', conflict: 'Conflict',
  stalled: 'Stalled', lost: 'No contact',
};

/** @param {string} state of a tile */
export function stateLabel(state) {
  return labels[/** @type {Camera['state']} */ (state)] ?? state;
}

/**
 * One line about all cameras, such as: 4 cameras · 3 live · 1 problem.
 * @param {Iterable<string>} states of their tiles
 */
export function summary(states) {
  const all = [...states];
  const live = all.filter((s) => s === 'live').length;
  const problems = all.filter((s) => !['live', 'idle', 'starting'].includes(s)).length;
  const parts = [many(all.length, 'camera'), `${live} live`];
  if (problems) parts.push(many(problems, 'problem'));
  return parts.join(' · ');
}

/**
 * What a screen reader says of cameras whose state is another than before.
 * @param {Map<string, string>} before states by id
 * @param {Map<string, string>} after
 * @returns {string} empty if there is no news
 */
export function news(before, after) {
  /** @type {string[]} */
  const said = [];
  for (const [id, state] of after) {
    const old = before.get(id);
    if (old === undefined) said.push(`${id} is new`);
    else if (old !== state && !(calm(old) && calm(state))) said.push(`${id}: ${stateLabel(state)}`);
  }
  for (const id of before.keys()) if (!after.has(id)) said.push(`${id} is gone`);
  return said.length > 4 ? `${many(said.length, 'camera')} changed: ${said.slice(0, 3).join(', ')} and others` : said.join(', ');
}

/** Coming and going of demand is no news. @param {string} state */
function calm(state) {
  return state === 'live' || state === 'idle' || state === 'starting';
}
