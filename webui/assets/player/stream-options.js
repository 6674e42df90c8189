// Chooses what a tile requests of the hub: no more than its place on the screen can show.

/**
 * @typedef {import('../hub/protocol.js').Camera} Camera
 * @typedef {'auto' | 'jpeg' | 'mp4'} FormatChoice
 */

/**
 * @typedef {object} StreamOptions
 * @property {'jpeg' | 'mp4'} kind Whether JPEGs or video.
 * @property {number} width Width of the picture in pixels; 0 means the camera's own.
 * @property {number} fps Most frames per second; 0 means the camera's own.
 */

/**
 * The widths of the hub's renditions (docs/ref/http.md, Renditions). Pages that request the same width share a
 * rendition.
 */
export const WIDTHS = [160, 240, 320, 480, 640, 960, 1280, 1920];
/**
 * A camera that is less than this much wider than its place is shown as it is. A rendition would cost the hub more than
 * it saves.
 */
const MIN_REDUCTION = 1.5;

/**
 * @param {number} cssWidth of the picture's place
 * @param {number} ratio device pixels per CSS pixel
 * @param {number} cameraWidth 0 if it is not known
 * @returns {number} 0 for the camera's own
 */
export function chooseWidth(cssWidth, ratio, cameraWidth) {
  const needed = Math.ceil(cssWidth * ratio);
  if (needed <= 0 || cameraWidth <= needed * MIN_REDUCTION) return 0;
  const width = WIDTHS.find((w) => w >= needed) ?? 0;
  return width < cameraWidth ? width : 0;
}

/**
 * @param {number} tiles on the screen
 * @param {number} override of the page's address; 0 if there is none
 * @returns {number} 0 for the camera's own
 */
export function chooseFPS(tiles, override) {
  if (override) return override;
  if (tiles >= 26) return 5;
  return tiles >= 10 ? 10 : 0;
}

/**
 * Chooses the kind of stream. H.264 cameras play their own stream. The other kind is for users who choose it, and for
 * browsers that cannot play video.
 * @param {Pick<Camera, 'format' | 'formats'>} camera
 * @param {FormatChoice} choice
 * @param {boolean} playsVideo whether this browser plays video, as far as is known
 * @returns {'jpeg' | 'mp4' | null} null if nothing can be shown
 */
export function chooseKind(camera, choice, playsVideo) {
  const can = { jpeg: camera.formats.includes('jpeg'), mp4: camera.formats.includes('mp4') && playsVideo };
  const first = choice === 'auto' ? (camera.format === 'h264' ? 'mp4' : 'jpeg') : choice;
  if (can[first]) return first;
  if (can.jpeg) return 'jpeg';
  return can.mp4 ? 'mp4' : null;
}
