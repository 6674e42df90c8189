// Numbers, times and camera states as texts.

/** @typedef {import('../hub/protocol.js').Camera} Camera */

/**
 * @param {number} ms
 * @returns {string} such as 40 ms, 2.5 s, 3 min, 2 h or 4 days
 */
export function formatDuration(ms) {
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
export function formatAgo(time, now) {
  const ms = now - Date.parse(time);
  if (Number.isNaN(ms) || time.startsWith('0001')) return 'never';
  return ms < 1000 ? 'just now' : `${formatDuration(Math.round(ms / 1000) * 1000).replace('.0', '')} ago`;
}

/**
 * Formats an instant as the browser's language does: the time, and the day if it is not today.
 * @param {string} time RFC 3339
 * @param {number} now Unix milliseconds
 */
export function formatTime(time, now) {
  const at = new Date(time);
  if (formatAgo(time, now) === 'never') return '';
  /** @type {Intl.DateTimeFormatOptions} */
  const day = at.toDateString() === new Date(now).toDateString() ? {} : { day: 'numeric', month: 'short' };
  return at.toLocaleString(undefined, { ...day, hour: 'numeric', minute: '2-digit' });
}

/** @param {number} bits per second */
export function formatBitrate(bits) {
  return bits < 1e6 ? `${Math.round(bits / 1e3)} kbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`;
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {number} fps */
export function formatFPS(fps) {
  return `${fps < 9.95 ? fps.toFixed(1).replace('.0', '') : Math.round(fps)} fps`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
export function formatCount(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** @type {Record<Camera['state'] | 'stalled' | 'lost', string>} */
const labels = {
  live: 'Live', idle: 'Idle', starting: 'Starting', degraded: 'Degraded', offline: 'Offline', conflict: 'Conflict',
  stalled: 'Stalled', lost: 'Disconnected',
};

/** @param {string} state the state of a tile */
export function stateLabel(state) {
  return labels[/** @type {Camera['state']} */ (state)] ?? state;
}

/**
 * Describes all cameras in one line, such as: 4 cameras · 3 live · 1 problem.
 * @param {Iterable<string>} states of their tiles
 */
export function summarizeStates(states) {
  const all = [...states];
  const live = all.filter((s) => s === 'live').length;
  const problems = all.filter((s) => !['live', 'idle', 'starting'].includes(s)).length;
  const parts = [formatCount(all.length, 'camera'), `${live} live`];
  if (problems) parts.push(formatCount(problems, 'problem'));
  return parts.join(' · ');
}

/**
 * Describes for a screen reader which cameras have changed their state.
 * @param {Map<string, string>} before states by id
 * @param {Map<string, string>} after
 * @returns {string} empty if nothing has changed
 */
export function describeChanges(before, after) {
  /** @type {string[]} */
  const changes = [];
  for (const [id, state] of after) {
    const old = before.get(id);
    if (old === undefined) changes.push(`${id} is new`);
    else if (old !== state && !(isExpected(old) && isExpected(state))) changes.push(`${id}: ${stateLabel(state)}`);
  }
  for (const id of before.keys()) if (!after.has(id)) changes.push(`${id} is gone`);
  if (changes.length <= 4) return changes.join(', ');
  return `${formatCount(changes.length, 'camera')} changed: ${changes.slice(0, 3).join(', ')} and others`;
}

/** A change between these states follows the demand, and is not announced. @param {string} state */
function isExpected(state) {
  return state === 'live' || state === 'idle' || state === 'starting';
}
