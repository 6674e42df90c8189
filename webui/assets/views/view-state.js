// The view of the grid, as the page's address stores it. A view can be bookmarked, for example for a kiosk.

/**
 * @typedef {object} ViewState
 * @property {number} cols Number of columns; 0 fits them to the screen.
 * @property {string} group Shows only the cameras of this group; empty means all.
 * @property {string} q Shows only cameras whose id or host contains all these words.
 * @property {number} fps Frames per second that JPEG tiles request; 0 leaves it to the page.
 * @property {boolean} kiosk Shows the pictures without the toolbar.
 */

const MAX_COLS = 16;
const MAX_FPS = 120;
const MAX_LENGTH = 100;

/**
 * @param {string} search such as ?group=lab&cols=3; invalid values count as absent
 * @returns {ViewState}
 */
export function parseView(search) {
  const given = new URLSearchParams(search);
  const flag = given.get('kiosk');
  return {
    cols: Math.floor(number(given.get('cols'), MAX_COLS)),
    group: (given.get('group') ?? '').slice(0, MAX_LENGTH),
    q: (given.get('q') ?? '').slice(0, MAX_LENGTH),
    fps: number(given.get('fps'), MAX_FPS),
    kiosk: flag !== null && flag !== '0' && flag !== 'false',
  };
}

/**
 * The inverse of parseView. It keeps parameters that are not the grid's.
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
 * Whether an address has a view. If not, the stored view of this browser counts.
 * @param {string} search
 */
export function hasView(search) {
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
