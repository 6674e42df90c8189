// What the fake hub says about its cameras.

/** @typedef {import('../assets/api.js').Camera} Camera */

const ago = (/** @type {number} */ seconds) => new Date(Date.now() - seconds * 1000).toISOString();

/**
 * @param {string} id
 * @param {Partial<Camera>} rest
 * @returns {Camera}
 */
function camera(id, rest = {}) {
  const format = rest.format ?? 'jpeg';
  return {
    id, state: 'live', reason: '', since: ago(3700), host: 'pi-garage', agent: '0.1.0', source: 'v4l2', format,
    width: 1280, height: 720, fps: 15 + Math.random() * 0.2 - 0.1, bitrate: format === 'jpeg' ? 8_400_000 : 2_100_000,
    age_ms: 30 + Math.round(Math.random() * 30), viewers: 0, last_seen: ago(0), drops: {},
    formats: format === 'jpeg' ? ['jpeg', 'mjpeg'] : ['h264', 'mp4'], ...rest,
  };
}

const silent = { fps: 0, bitrate: 0, age_ms: null };
const places = ['porch', 'garage', 'drive', 'garden', 'hall', 'workshop', 'gate', 'barn',
  'cellar', 'attic', 'roof', 'pond', 'shed', 'yard', 'lane', 'printer-in-the-spare-room'];

/** @type {Record<string, () => Camera[]>} */
const scenes = {
  empty: () => [],
  one: () => [camera('porch', { format: 'h264' })],
  four: () => [camera('drive', { format: 'h264' }), camera('garage'), camera('garden'), camera('porch', { format: 'h264', host: 'pi-porch' })],
  // One of each state; a live one that has stopped sending as well.
  trouble: () => [
    camera('attic', { state: 'degraded', reason: 'USB bandwidth: 7 of 15 fps', fps: 7.1, drops: { gap: 41 } }),
    camera('barn', { ...silent, state: 'offline', reason: 'no status for 15 s', last_seen: ago(190), since: ago(190) }),
    camera('drive', { format: 'h264' }),
    camera('garage'),
    camera('gate', { state: 'conflict', reason: 'two agents publish this id: pi-gate and pi-spare' }),
    camera('hall', { ...silent, state: 'idle', format: 'h264' }),
    camera('pond', { age_ms: 12_400, fps: 0 }),
    camera('porch', { ...silent, state: 'offline', format: 'h264', reason: 'the agent said goodbye', last_seen: ago(90_000) }),
    camera('roof', { ...silent, state: 'starting' }),
  ],
  sixteen: () => places.map((id, i) => camera(id, { format: i % 2 ? 'h264' : 'jpeg' })).sort((a, b) => (a.id < b.id ? -1 : 1)),
  many: () => Array.from({ length: 30 }, (_, i) => camera(`cam-${String(i + 1).padStart(2, '0')}`)),
};

/**
 * @param {string} name
 * @param {Map<string, number>} viewers per camera, as counted by the fake hub
 * @returns {Camera[]}
 */
export function scene(name, viewers) {
  const count = Number(name);
  const make = scenes[name] ?? (() => places.slice(0, count).map((id, i) => camera(id, { format: i % 2 ? 'h264' : 'jpeg' })));
  return make().map((c) => ({ ...c, viewers: viewers.get(c.id) ?? 0 }));
}
