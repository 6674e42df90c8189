// What a tile asks the hub for: no more than its place on the screen can show.

/**
 * @typedef {import('./api.js').Camera} Camera
 * @typedef {'auto' | 'jpeg' | 'mp4'} Choice
 * @typedef {{kind: 'jpeg' | 'mp4', width: number, fps: number}} Wish width and fps 0: the camera's own
 */

/** The widths that the hub makes (docs/ref/http.md, Renditions): asking for one of them lets pages share. */
export const WIDTHS = [160, 240, 320, 480, 640, 960, 1280, 1920];
/** A camera that is less than this much wider than its place is shown as it is: a rendition costs the hub more than it saves. */
const WORTH = 1.5;

/**
 * @param {number} cssWidth of the picture's place
 * @param {number} ratio device pixels per CSS pixel
 * @param {number} cameraWidth 0 if it is not known
 * @returns {number} 0 for the camera's own
 */
export function wishedWidth(cssWidth, ratio, cameraWidth) {
  const needed = Math.ceil(cssWidth * ratio);
  if (needed <= 0 || cameraWidth <= needed * WORTH) return 0;
  const width = WIDTHS.find((w) => w >= needed) ?? 0;
  return width < cameraWidth ? width : 0;
}

/**
 * @param {number} tiles on the screen
 * @param {number} override of the page's address; 0 if there is none
 * @returns {number} 0 for the camera's own
 */
export function wishedFPS(tiles, override) {
  if (override) return override;
  if (tiles >= 26) return 5;
  return tiles >= 10 ? 10 : 0;
}

/**
 * H.264 cameras play their own stream. The other format is for those who choose it, and for browsers that cannot play.
 * @param {Pick<Camera, 'format' | 'formats'>} camera
 * @param {Choice} choice
 * @param {boolean} playsVideo whether this browser does, as far as is known
 * @returns {'jpeg' | 'mp4' | null} null if there is nothing that could be shown
 */
export function wishedKind(camera, choice, playsVideo) {
  const can = { jpeg: camera.formats.includes('jpeg'), mp4: camera.formats.includes('mp4') && playsVideo };
  const first = choice === 'auto' ? (camera.format === 'h264' ? 'mp4' : 'jpeg') : choice;
  if (can[first]) return first;
  if (can.jpeg) return 'jpeg';
  return can.mp4 ? 'mp4' : null;
}
