// Decodes JPEGs beside the page, whose own work then does not wait for them.

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
