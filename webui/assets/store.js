// What the page remembers in this browser. Storage may be forbidden or full; then nothing is remembered, and the page works.

const PREFIX = 'bramble.';

/**
 * @param {string} key
 * @returns {string} empty if nothing is remembered
 */
export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key) ?? '';
  } catch {
    return '';
  }
}

/**
 * @param {string} key
 * @param {string} value empty forgets it
 */
export function remember(key, value) {
  try {
    if (value) localStorage.setItem(PREFIX + key, value);
    else localStorage.removeItem(PREFIX + key);
  } catch {
    // A wish that holds until the page is closed is better than an error.
  }
}
