// Decodes JPEGs to bitmaps, in one worker for all players.
import { assets } from '../hub/urls.js';

/** @typedef {{resolve: (bitmap: ImageBitmap) => void, reject: (err: Error) => void}} Job */

/** @type {Map<number, Job>} */
const jobs = new Map();
/**
 * The worker is used once it has reported that it runs. Until then, and where there can be no worker, the page decodes:
 * the first picture does not wait for it.
 */
const workerState = { worker: /** @type {Worker | null} */ (null), started: false, lastJob: 0 };

/**
 * @param {Uint8Array<ArrayBuffer>} bytes one JPEG; its buffer is transferred
 * @returns {Promise<ImageBitmap>} which the caller must close; rejects if the bytes are no JPEG
 */
export function decodeJPEG(bytes) {
  startWorker();
  const { worker } = workerState;
  if (!worker) return createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
  return new Promise((resolve, reject) => {
    workerState.lastJob += 1;
    jobs.set(workerState.lastJob, { resolve, reject });
    worker.postMessage({ id: workerState.lastJob, bytes }, [bytes.buffer]);
  });
}

/** Starts the worker, once. A page of another origin may not start the hub's worker. */
function startWorker() {
  if (workerState.started) return;
  workerState.started = true;
  try {
    const worker = new Worker(new URL('player/jpeg-decoder-worker.js', assets));
    worker.addEventListener('message', ({ data }) => {
      if (data === 'ready') workerState.worker = worker;
      else finishJob(data);
    });
    worker.addEventListener('error', (event) => event.preventDefault()); // The page decodes instead.
  } catch {
    // The page decodes instead.
  }
}

/** @param {{id: number, bitmap?: ImageBitmap, error?: string}} result */
function finishJob({ id, bitmap, error }) {
  const job = jobs.get(id);
  jobs.delete(id);
  if (bitmap) job?.resolve(bitmap);
  else job?.reject(new Error(error));
}
