// What the grid shows, as it stands in the page's address: a view can be bookmarked, for a kiosk for instance.

/**
 * @typedef {object} ViewState
 * @property {number} cols columns; 0 fits them to the screen
 * @property {string} group only the cameras of this group; empty means all
 * @property {string} q only cameras whose id or host contains all these words
 * @property {number} fps what JPEG tiles ask for; 0 leaves it to the page
 * @property {boolean} kiosk pictures only
 */

const MAX_COLS = 16;
const MAX_FPS = 120;
const LONGEST = 100;

/**
 * @param {string} search such as ?group=lab&cols=3; what cannot be read counts as absent
 * @returns {ViewState}
 */
export function parseView(search) {
  const given = new URLSearchParams(search);
  const flag = given.get('kiosk');
  return {
    cols: Math.floor(number(given.get('cols'), MAX_COLS)),
    group: (given.get('group') ?? '').slice(0, LONGEST),
    q: (given.get('q') ?? '').slice(0, LONGEST),
    fps: number(given.get('fps'), MAX_FPS),
    kiosk: flag !== null && flag !== '0' && flag !== 'false',
  };
}

/**
 * The opposite of parseView. Parameters that are not the grid's are kept.
 * @param {ViewState} view
 * @param {string} search what is there now
 * @returns {string} with its question mark, or empty
 */
export function formatView(view, search) {
  const params = new URLSearchParams(search);
  /** @type {[string, string][]} */
  const all = [
    ['group', view.group], ['cols', view.cols ? String(view.cols) : ''], ['q', view.q],
    ['fps', view.fps ? String(view.fps) : ''], ['kiosk', view.kiosk ? '1' : ''],
  ];
  for (const [name, value] of all) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  const text = params.toString();
  return text && `?${text}`;
}

/**
 * Whether an address says anything about the view. If it does not, what this browser remembers counts.
 * @param {string} search
 */
export function namesView(search) {
  const given = new URLSearchParams(search);
  return ['cols', 'group', 'q', 'fps', 'kiosk'].some((name) => given.has(name));
}

/**
 * @param {string | null} text
 * @param {number} max
 */
function number(text, max) {
  const value = Number(text ?? 0);
  return value > 0 && value <= max ? value : 0;
}
