// JPEG to bitmap, by the one worker of all players.
import { assets } from './root.js';

/** @typedef {{resolve: (bitmap: ImageBitmap) => void, reject: (err: Error) => void}} Waiting */

/** @type {Map<number, Waiting>} */
const waiting = new Map();
/** The worker is asked once it has said that it runs; before that, and where there can be none, the page decodes: a first picture does not wait for it. */
const workshop = { worker: /** @type {Worker | null} */ (null), started: false, lastId: 0 };

/**
 * @param {Uint8Array<ArrayBuffer>} bytes one JPEG; its buffer is given away
 * @returns {Promise<ImageBitmap>} to be closed; rejects if it is none
 */
export function decodeJPEG(bytes) {
  startWorker();
  const { worker } = workshop;
  if (!worker) return createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
  return new Promise((resolve, reject) => {
    workshop.lastId += 1;
    waiting.set(workshop.lastId, { resolve, reject });
    worker.postMessage({ id: workshop.lastId, bytes }, [bytes.buffer]);
  });
}

/** A page of another origin may not start the hub's worker. */
function startWorker() {
  if (workshop.started) return;
  workshop.started = true;
  try {
    const worker = new Worker(new URL('decode-worker.js', assets));
    worker.addEventListener('message', ({ data }) => (data === 'ready' ? workshop.worker = worker : settle(data)));
    worker.addEventListener('error', (event) => event.preventDefault()); // It is no fault of the page, which decodes then.
  } catch {
    // The page decodes.
  }
}

/** @param {{id: number, bitmap?: ImageBitmap, error?: string}} done */
function settle({ id, bitmap, error }) {
  const asked = waiting.get(id);
  waiting.delete(id);
  if (bitmap) asked?.resolve(bitmap);
  else asked?.reject(new Error(error));
}
