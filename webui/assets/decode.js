// JPEG to bitmap, by the one worker of all players.
import { assets } from './root.js';

/** @typedef {{resolve: (bitmap: ImageBitmap) => void, reject: (err: Error) => void}} Waiting */

/** @type {Map<number, Waiting>} */
const waiting = new Map();
/** Null before the first picture, and where there can be no worker: then the page decodes. */
const state = { worker: /** @type {Worker | null} */ (null), refused: false, lastId: 0 };

/**
 * @param {Uint8Array<ArrayBuffer>} bytes one JPEG; its buffer is given away
 * @returns {Promise<ImageBitmap>} to be closed; rejects if it is none
 */
export function decodeJPEG(bytes) {
  const worker = state.worker ?? startWorker();
  if (!worker) return createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
  return new Promise((resolve, reject) => {
    state.lastId += 1;
    waiting.set(state.lastId, { resolve, reject });
    worker.postMessage({ id: state.lastId, bytes }, [bytes.buffer]);
  });
}

/** A page of another origin may not start the hub's worker. */
function startWorker() {
  if (state.refused) return null;
  try {
    const worker = new Worker(new URL('decode-worker.js', assets));
    worker.addEventListener('message', ({ data }) => settle(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault(); // It is no fault of the page.
      state.refused = true;
      state.worker = null;
      for (const { reject } of waiting.values()) reject(new Error('the decoder did not start'));
      waiting.clear();
    });
    state.worker = worker;
  } catch {
    state.refused = true;
  }
  return state.worker;
}

/** @param {{id: number, bitmap?: ImageBitmap, error?: string}} done */
function settle({ id, bitmap, error }) {
  const asked = waiting.get(id);
  waiting.delete(id);
  if (bitmap) asked?.resolve(bitmap);
  else asked?.reject(new Error(error));
}
