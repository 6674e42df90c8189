// Files for the user: snapshots and clips.
import { ask } from './api.js';

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function saveBlob(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // Safari reads it late.
}

/**
 * A name that sorts by time, such as porch-20260102-030405.jpeg.
 * @param {string} id
 * @param {string} extension
 * @param {Date} [at]
 */
export function fileName(id, extension, at = new Date()) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  return `${id}-${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}.${extension}`;
}

/**
 * Saves the newest picture, at the camera's own size.
 * @param {string} id
 * @returns {Promise<string>} what to say about it
 */
export async function saveSnapshot(id) {
  try {
    const answer = await ask(`cam/${id}.jpeg`, { signal: AbortSignal.timeout(10_000) });
    const name = fileName(id, 'jpeg');
    saveBlob(await answer.blob(), name);
    return `Saved ${name}`;
  } catch (err) {
    return `No snapshot of ${id}: ${err instanceof Error ? err.message : err}`;
  }
}
