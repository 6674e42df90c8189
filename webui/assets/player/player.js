// The types that all players share. jpeg-player.js and video-player.js implement them, camera-view.js and the element
// use them.

/**
 * A picture that is on the screen.
 *
 * @typedef {object} ShownPicture
 * @property {number} captured When it was captured, Unix milliseconds on the agent's clock.
 * @property {number} arrived When it reached the hub, Unix milliseconds on the hub's clock.
 * @property {number} shownAt When it was drawn, Unix milliseconds on the hub's clock.
 */

/**
 * The options of a stream. An absent option means the camera's own value.
 *
 * @typedef {object} PlayerOptions
 * @property {number} [width] Width of the picture in pixels.
 * @property {number} [fps] Most frames per second; JPEG only.
 * @property {number} [quality] Quality of the JPEGs, 1 to 100; JPEG only.
 */

/**
 * Shows one camera from its construction until stop.
 *
 * @typedef {object} Player
 * @property {HTMLElement} element What shows the picture.
 * @property {(options: PlayerOptions) => void} change Continues with other options. The picture stays until the next
 *   one.
 * @property {() => void} resume Starts playing after the browser refused to. It must be called from a click.
 * @property {() => void} stop Ends the stream and frees everything.
 */

/**
 * The events of a player. It calls none of them before its constructor has returned, or after stop.
 *
 * @typedef {object} PlayerEvents
 * @property {(picture: ShownPicture) => void} onPicture Called for every picture.
 * @property {(reason: string, status?: number) => void} onError Called when no picture comes; the next picture ends
 *   that. status is that of the hub's problem, if there is one.
 * @property {() => void} onBlocked Called when the browser plays only after a click.
 * @property {(reason: string) => void} [onUnplayable] Called when this browser cannot play the video. Show JPEGs
 *   instead.
 */

export {};
