// What the fake hub says about its cameras.

/**
 * @typedef {import('../assets/hub/protocol.js').Camera} Camera
 * @typedef {Camera & {agent: string, drops: Record<string, number>, sends: boolean | 'nothing'}} FakeCamera sends:
 *   pictures, one and no more, or none
 */

const ago = (/** @type {number} */ seconds) => new Date(Date.now() - seconds * 1000).toISOString();

/**
 * @param {string} id
 * @param {Partial<FakeCamera>} rest
 * @returns {FakeCamera}
 */
function camera(id, rest = {}) {
  return {
    id, state: 'live', reason: '', warning: '', since: ago(3700), host: 'pi-garage', agent: '0.3.0', source: 'v4l2',
    format: 'jpeg',
    width: 1280, height: 720, fps: 15, bitrate: 8_400_000, viewers: 1, last_seen: '', drops: {},
    formats: ['jpeg', 'mjpeg', 'h264', 'mp4'], sends: true, ...rest,
  };
}

const offline = /** @type {const} */ ({ state: 'offline', fps: 0, bitrate: 0, viewers: 0, sends: 'nothing' });
const places = [
  'porch', 'garage', 'drive', 'garden', 'hall', 'workshop', 'gate', 'barn', 'cellar', 'attic', 'roof', 'pond', 'shed',
  'yard', 'lane', 'terrace', 'lab-bench', 'lab-door', 'lab-printer', 'office-east', 'office-west', 'stairs',
  'bike-shed', 'loft', 'printer-in-the-spare-room',
];

/** @type {Record<string, () => FakeCamera[]>} */
const scenes = {
  empty: () => [],
  one: () => [camera('porch')],
  four: () => [camera('drive'), camera('garage'), camera('garden'), camera('porch', { host: 'pi-porch' })],
  // One of each state; a live one that has stopped sending as well.
  trouble: () => [
    camera('attic', {
      state: 'degraded', reason: 'USB bandwidth: 7 of 15 fps. Use another port, or format=mjpeg', fps: 7.1,
      drops: { gap: 41 },
    }),
    camera('barn', { ...offline, reason: 'No status for 15 s', last_seen: ago(190), since: ago(190) }),
    camera('drive'),
    camera('garage'),
    camera('gate', { state: 'conflict', reason: 'Two agents serve this id: pi-gate and pi-spare. Rename one' }),
    camera('hall', { state: 'starting', fps: 0, bitrate: 0, sends: 'nothing' }),
    camera('pond', { sends: false }),
    camera('porch', { ...offline, reason: 'The agent said goodbye', last_seen: ago(90_000), since: ago(90_000) }),
    camera('roof', { viewers: 3 }),
  ],
  many: () => places.map((id) => camera(id)),
};

/**
 * @param {string} name of a scene, or how many cameras
 * @returns {FakeCamera[]} sorted by id
 */
export function scene(name) {
  const count = Number(name);
  const make = scenes[name] ?? (() => Array.from({ length: count }, (_, i) => camera(places[i] ?? `cam-${i + 1}`)));
  return make().sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** @type {import('../assets/hub/api.js').Controls} */
export const controls = {
  controls: [
    { name: 'brightness', type: 'int', min: -64, max: 64, step: 1, default: 0, value: 12 },
    { name: 'contrast', type: 'int', min: 0, max: 95, step: 1, default: 32, value: 32 },
    { name: 'white_balance_automatic', type: 'bool', min: 0, max: 1, step: 1, default: 1, value: 1 },
    {
      name: 'white_balance_temperature', type: 'int', min: 2800, max: 6500, step: 10, default: 4600, value: 4600,
      inactive: true,
    },
    {
      name: 'power_line_frequency', type: 'menu', min: 0, max: 2, step: 1, default: 1, value: 1,
      menu: ['Disabled', '50 Hz', '60 Hz'],
    },
    { name: 'focus_now', type: 'button', min: 0, max: 0, step: 0, default: 0, value: 0 },
  ],
};
