// Which cameras the grid shows, and in which order.

/**
 * Groups ids by what stands before their last dash. Two make a group: lab-bench and lab-door are the group lab.
 * @param {Iterable<string>} ids
 * @returns {Map<string, string[]>} ids by group, groups and ids sorted
 */
export function groupCameras(ids) {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  for (const id of [...ids].sort()) {
    const name = groupOf(id);
    if (name) found.set(name, [...(found.get(name) ?? []), id]);
  }
  return new Map([...found].filter(([, members]) => members.length > 1).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * @param {string} id
 * @returns {string} empty if the id has no dash
 */
function groupOf(id) {
  return id.slice(0, Math.max(0, id.lastIndexOf('-')));
}

/**
 * @param {{id: string, host: string}} camera
 * @param {{group: string, q: string}} view
 */
export function matchesView(camera, view) {
  if (view.group && groupOf(camera.id) !== view.group) return false;
  const text = `${camera.id} ${camera.host}`.toLowerCase();
  return view.q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/**
 * Sorts cameras by the user's order. Cameras that are not in it follow, by name.
 * @template {{id: string}} T
 * @param {T[]} cameras
 * @param {string[]} order ids; cameras that are gone keep their place for when they return
 * @returns {T[]}
 */
export function sortCameras(cameras, order) {
  const place = new Map(order.map((id, i) => [id, i]));
  const at = (/** @type {T} */ c) => place.get(c.id) ?? Infinity;
  return [...cameras].sort((a, b) => (at(a) === at(b) ? (a.id < b.id ? -1 : 1) : at(a) - at(b)));
}

/**
 * Moves one camera to another's place. The cameras between them move up.
 * @param {string[]} order the order so far
 * @param {string[]} shown ids of the cameras on the page, in its order
 * @param {string} id
 * @param {string} target
 * @returns {string[]} the new order, which has the ids of both lists
 */
export function moveCamera(order, shown, id, target) {
  const [from, to] = [shown.indexOf(id), shown.indexOf(target)];
  if (from < 0 || to < 0 || from === to) return order;
  const all = [...order, ...shown.filter((other) => !order.includes(other)).sort()];
  // The cameras that are shown share out the places that they have among all cameras.
  const next = shown.toSpliced(from, 1).toSpliced(to, 0, id);
  const places = all.map((other, i) => (shown.includes(other) ? i : -1)).filter((i) => i >= 0);
  const result = [...all];
  for (const [i, place] of places.entries()) result[place] = next[i] ?? '';
  return result;
}

/**
 * Returns the index to which a key leads in a grid of tiles.
 * @param {string} key
 * @param {number} at
 * @param {number} count
 * @param {number} columns
 * @returns {number} the same index if there is no tile in that direction
 */
export function neighborIndex(key, at, count, columns) {
  /** @type {Record<string, number>} */
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  const to = at + (steps[key] ?? 0);
  if (to >= 0 && to < count) return to;
  // Down from above the gap of a short last row: to its end.
  const lastRow = Math.floor((count - 1) / columns);
  return key === 'ArrowDown' && Math.floor(at / columns) < lastRow ? count - 1 : at;
}
