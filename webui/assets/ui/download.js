// Downloads: snapshots and clips.
import { fetchOK } from '../hub/api.js';

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function downloadBlob(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // Safari reads the blob late.
}

/**
 * Returns a file name that sorts by time, such as porch-20260102-030405.jpeg.
 * @param {string} id
 * @param {string} extension
 * @param {Date} [at]
 */
export function timestampedName(id, extension, at = new Date()) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  return `${id}-${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}.${extension}`;
}

/**
 * Downloads the newest picture, at the camera's own size.
 * @param {string} id
 * @returns {Promise<string>} a text for the user: what was saved, or why not
 */
export async function downloadSnapshot(id) {
  try {
    const response = await fetchOK(`cam/${id}.jpeg`, { signal: AbortSignal.timeout(10_000) });
    const name = timestampedName(id, 'jpeg');
    downloadBlob(await response.blob(), name);
    return `Saved ${name}`;
  } catch (err) {
    return `No snapshot of ${id}: ${err instanceof Error ? err.message : err}`;
  }
}
