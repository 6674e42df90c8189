// What every player is to its tile.

/**
 * @typedef {object} Shown a picture that is on the screen
 * @property {number} captured when it was captured, Unix milliseconds on the agent's clock
 * @property {number} arrived when the hub had it, Unix milliseconds on the hub's clock
 * @property {number} shownAt when it was drawn, Unix milliseconds on the hub's clock
 *
 * @typedef {object} Options absent members mean the camera's own
 * @property {number} [width] pixels
 * @property {number} [fps] JPEG only
 * @property {number} [quality] JPEG only
 *
 * @typedef {object} Player shows one camera from its construction until stop
 * @property {HTMLElement} element
 * @property {(options: Options) => void} change goes on with other options; the picture stays until the next one
 * @property {() => void} resume starts playing after the browser refused to; within a click
 * @property {() => void} stop watches no more and frees everything
 *
 * @typedef {object} PlayerEvents none comes before the constructor has returned, or after stop
 * @property {(shown: Shown) => void} onPicture for every picture
 * @property {(why: string, status?: number) => void} onTrouble no picture comes; the next one ends that. status is that of the hub's problem, if there is one
 * @property {() => void} onBlocked the browser plays only after a click
 * @property {(why: string) => void} [onUnplayable] this browser cannot play the video: show JPEGs instead
 */

export {};
