// The worker of jpeg-decoder.js. With it the page's own work does not delay pictures.

/** @typedef {{id: number, bytes: Uint8Array<ArrayBuffer>}} Job */

self.addEventListener('message', async (/** @type {MessageEvent<Job>} */ { data: { id, bytes } }) => {
  try {
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
    self.postMessage({ id, bitmap }, { transfer: [bitmap] });
  } catch (err) {
    self.postMessage({ id, error: String(err) });
  }
});
self.postMessage('ready');
