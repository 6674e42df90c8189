// The page's settings in this browser's local storage. Storage may be forbidden or full: then nothing is kept, and the page works.

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
