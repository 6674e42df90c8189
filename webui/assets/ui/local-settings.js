// The page's settings in this browser's local storage. Storage may be forbidden or full: then nothing is kept, and the
// page works.

const PREFIX = 'bramble.';

/**
 * @param {string} key
 * @returns {string} empty if nothing is stored
 */
export function loadSetting(key) {
  try {
    return localStorage.getItem(PREFIX + key) ?? '';
  } catch {
    return '';
  }
}

/**
 * @param {string} key
 * @param {string} value empty removes it
 */
export function saveSetting(key, value) {
  try {
    if (value) localStorage.setItem(PREFIX + key, value);
    else localStorage.removeItem(PREFIX + key);
  } catch {
    // A setting that lasts until the page is closed is better than an error.
  }
}

const GRID_KEY = `${PREFIX}grid`;

/** @returns {string} the query that the grid had last in this tab: its group, search and columns */
export function loadGridSearch() {
  try {
    return sessionStorage.getItem(GRID_KEY) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} search the grid's query */
export function saveGridSearch(search) {
  try {
    sessionStorage.setItem(GRID_KEY, search);
  } catch {
    // Without it a camera's page leads back to all cameras.
  }
}
