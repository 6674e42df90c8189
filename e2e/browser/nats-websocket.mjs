// Serves and opens the example of a page that shows a camera by NATS over WebSocket.
// node nats-websocket.mjs EXAMPLE_DIR PORT WEBSOCKET_URL --camera ID
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { run, usage, collectFaults } from './browser.mjs';
import { bundle } from './bundle-commonjs.mjs';

const { values: { camera }, positionals: [dir, port, nats] } = parseArgs({
  allowPositionals: true, options: { camera: { type: 'string' } },
});
if (!dir || !port || !nats || !camera) usage('nats-websocket.mjs EXAMPLE_DIR PORT WEBSOCKET_URL --camera ID');

/** @type {Record<string, [string, string | Buffer]>} */
const files = {
  '/': ['text/html', readFileSync(join(dir, 'index.html'))],
  '/nats-core.js': ['text/javascript', bundle('@nats-io/nats-core', ['wsconnect'])],
};
const server = createServer((request, response) => {
  const [type, body] = files[new URL(request.url ?? '/', 'http://host').pathname] ?? [];
  response.writeHead(type ? 200 : 404, { 'Content-Type': type ?? 'text/plain' }).end(body);
});
await new Promise((done) => { server.listen(Number(port), '127.0.0.1', () => done(undefined)); });
const base = `http://127.0.0.1:${port}`;

await run('nats-websocket', async (browser) => {
  const page = await browser.newPage();
  const faults = collectFaults(page, base);
  await page.goto(`${base}/?camera=${camera}&nats=${encodeURIComponent(nats)}`);
  /** @type {Set<string>} */
  const seen = new Set();
  const end = Date.now() + 30_000;
  let text = '';
  let size = [0, 0];
  while (seen.size < 3) { // pictures that differ
    if (Date.now() > end) throw new Error(`${seen.size} pictures, and the page says ${text}; ${faults.join('; ')}`);
    const reading = await page.evaluate(() => {
      const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector('canvas'));
      const line = document.querySelector('p')?.textContent ?? '';
      return { text: line, size: [canvas.width, canvas.height], picture: canvas.toDataURL() };
    });
    ({ text, size } = reading);
    if (text.includes(', picture ')) seen.add(reading.picture);
    await page.waitForTimeout(100);
  }
  return { text, size, faults };
});
server.close();
