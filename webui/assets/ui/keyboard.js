// Keyboard shortcuts: one listener for the page.

/** Elements that use keys themselves. */
const OWN_KEYS = 'input, select, textarea, [contenteditable], dialog[open], summary';

/**
 * @param {Record<string, (e: KeyboardEvent) => void>} actions by KeyboardEvent.key
 * @param {(e: KeyboardEvent) => boolean} fallback gets the other keys, and returns whether it has used the key
 */
export function bindKeys(actions, fallback) {
  document.addEventListener('keydown', (e) => {
    if (e.defaultPrevented || e.isComposing) return;
    const within = e.target instanceof Element && e.target.closest(OWN_KEYS);
    if (within && e.key !== 'Escape') return;
    if (document.querySelector('dialog[open]')) return; // The browser closes it on Escape.
    const action = e.ctrlKey || e.metaKey || e.altKey ? undefined : actions[e.key];
    if (action) action(e);
    else if (e.ctrlKey || e.metaKey || !fallback(e)) return;
    e.preventDefault();
  });
}

/** Enters or leaves full screen. */
export function toggleFullScreen() {
  const { documentElement, fullscreenElement } = document;
  const change = fullscreenElement ? document.exitFullscreen() : documentElement.requestFullscreen?.();
  change?.catch(() => {}); // The browser or its user refused.
}
