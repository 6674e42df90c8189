// The keyboard: one listener for the page.

/** What keeps its own keys. */
const FIELDS = 'input, select, textarea, [contenteditable], dialog[open], summary';

/**
 * @param {Record<string, (e: KeyboardEvent) => void>} actions by KeyboardEvent.key
 * @param {(e: KeyboardEvent) => boolean} rest gets the other keys, and says whether it has used one
 */
export function listenToKeys(actions, rest) {
  document.addEventListener('keydown', (e) => {
    if (e.defaultPrevented || e.isComposing) return;
    const within = e.target instanceof Element && e.target.closest(FIELDS);
    if (within && e.key !== 'Escape') return;
    if (document.querySelector('dialog[open]')) return; // It closes itself.
    const action = e.ctrlKey || e.metaKey || e.altKey ? undefined : actions[e.key];
    if (action) action(e);
    else if (e.ctrlKey || e.metaKey || !rest(e)) return;
    e.preventDefault();
  });
}

/** Full screen and back. */
export function toggleFullScreen() {
  const change = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.();
  change?.catch(() => {}); // The browser or its user does not want it, and has said so.
}
