// What every player is to its tile.

/**
 * @typedef {object} Player shows one camera from its construction until stop
 * @property {HTMLElement} element
 * @property {() => void} resume starts playing after the browser refused to
 * @property {() => void} stop closes the connection
 *
 * @typedef {object} PlayerEvents
 * @property {() => void} onPicture a picture is on the screen
 * @property {(why: string) => void} onTrouble what is on the screen, if anything, is no longer live
 * @property {() => void} onBlocked the browser plays only after a click
 */

export {};
