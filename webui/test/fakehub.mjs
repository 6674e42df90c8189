// A hub with no cameras behind it, to work on the page: node webui/test/fakehub.mjs --scene four
//
// --port 8099         where to listen, on loopback
// --scene four        one of the scenes in scenes.mjs
// --fps 15            pictures per second
// --under /sub/path   serve below a path, as behind a reverse proxy
// --jpeg F            footage, concatenated JPEGs, instead of ffmpeg's test card; give several and cameras take turns
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { makeClips, playMP4 } from './clips.mjs';
import { serveSocket } from './fakehub-socket.mjs';
import { controls, scene } from './scenes.mjs';

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '8099' },
    scene: { type: 'string', default: 'four' },
    fps: { type: 'string', default: '15' },
    under: { type: 'string', default: '' },
    jpeg: { type: 'string', multiple: true },
  },
});

/** @type {import('../assets/hub/outputs.js').Output[]} */
const outputs = [
  { extension: 'jpeg', label: 'JPEG' }, { extension: 'mjpeg', label: 'MJPEG', element: 'img' },
  { extension: 'h264', label: 'H.264' }, { extension: 'mp4', label: 'MP4', element: 'video' },
];
const page = fileURLToPath(new URL('..', import.meta.url));
const csp = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", "media-src 'self' blob:",
  "connect-src 'self'", "worker-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'self'",
].join('; ');
/** @type {Record<string, string>} */
const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
};
const folder = mkdtempSync(join(tmpdir(), 'fakehub-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));

const clips = makeClips(folder, flags.jpeg ?? []);

/** @param {string} id */
function camera(id) {
  return scene(flags.scene).find((c) => c.id === id);
}

/** What a camera shows now. @param {string} id */
function frameNow(id) {
  const footage = clips.footage[scene(flags.scene).findIndex((c) => c.id === id) % clips.footage.length] ?? [];
  return footage[Math.floor(Date.now() / (1000 / 15)) % footage.length] ?? Buffer.alloc(0);
}

/**
 * @param {import('node:http').ServerResponse} res
 * @param {number} status
 * @param {string} detail
 */
function problem(res, status, detail) {
  res.writeHead(status, { 'Content-Type': 'application/problem+json' });
  res.end(JSON.stringify({ type: 'about:blank', title: 'Fake hub', status, detail }));
}

/**
 * @param {string} id
 * @param {string} format
 * @param {number} duration seconds
 * @param {import('node:http').ServerResponse} res
 */
function serveCamera(id, format, duration, res) {
  const cam = camera(id);
  if (!cam) return problem(res, 404, `There is no camera ${id}.`);
  if (!cam.formats.includes(format)) return problem(res, 503, `${id} has no ${format}: ffmpeg is not installed.`);
  if (cam.state === 'offline') return problem(res, 503, `${id} is offline.`);
  if (format === 'mp4') return playMP4(clips.mp4, duration, res);
  if (format !== 'jpeg') return problem(res, 503, 'The fake hub has .jpeg and .mp4 only.');
  res.writeHead(200, { 'Content-Type': 'image/jpeg', 'Cache-Control': 'no-store' });
  return res.end(frameNow(id));
}

/**
 * @param {string} path below api/v1/
 * @returns {unknown} undefined if there is no such thing
 */
function api(path) {
  const [kind, id, what] = path.split('/');
  if (kind === 'hub') {
    const nats = { urls: ['nats://192.168.1.20:4222'], loopback: flags.scene === 'empty', auth_required: false };
    return { version: 'fake', nats, subject_root: 'cam', ffmpeg: true, http: { loopback: false } };
  }
  if (kind === 'me') return { name: 'anonymous', role: 'admin', open: true };
  if (kind !== 'cameras') return undefined;
  if (id === undefined) return { cameras: scene(flags.scene) };
  return what === 'controls' ? controls : camera(id);
}

/**
 * @param {string} path below the root, without a leading slash
 * @param {import('node:http').ServerResponse} res
 */
function serveFile(path, res) {
  const file = join(page, normalize(path));
  if (!file.startsWith(page)) return problem(res, 404, 'No such file.');
  try {
    const body = readFileSync(file);
    const type = types[extname(file)] ?? 'application/octet-stream';
    res.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': csp, 'Cache-Control': 'no-cache' });
    res.end(body);
  } catch {
    problem(res, 404, `There is no ${path}.`);
  }
}

/**
 * Serves index.html as webui.Index does, for an address one folder deeper, but with the modules instead of the bundle.
 * @param {string} up
 * @param {import('node:http').ServerResponse} res
 */
function serveIndex(up, res) {
  const list = JSON.stringify(outputs).replaceAll('"', '&quot;');
  const html = readFileSync(join(page, 'index.html'), 'utf8').replaceAll('="assets/', `="${up}assets/`)
    .replace('name="outputs" content="[]"', `name="outputs" content="${list}"`);
  res.writeHead(200, { 'Content-Type': types['.html'], 'Content-Security-Policy': csp });
  res.end(html);
}

const server = createServer((req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost');
  if (!pathname.startsWith(`${flags.under}/`)) return problem(res, 404, `This hub is at ${flags.under}/.`);
  const path = pathname.slice(flags.under.length + 1);
  const format = /^cam\/([a-z0-9-]+)\.(jpeg|mjpeg|h264|mp4)$/.exec(path);
  const duration = Number.parseFloat(searchParams.get('duration') ?? '3600');
  if (format) return serveCamera(format[1] ?? '', format[2] ?? '', duration, res);
  if (path === '') return serveIndex('', res);
  if (/^cam\/[a-z0-9-]+$/.test(path)) return serveIndex('../', res);
  if (!path.startsWith('api/v1/')) return serveFile(path, res);
  const answer = api(path.slice('api/v1/'.length));
  if (answer === undefined) return problem(res, 404, `There is no ${path}.`);
  res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  return res.end(JSON.stringify(answer));
});
server.on('upgrade', (req, socket) => serveSocket(req, socket, () => scene(flags.scene), frameNow, Number(flags.fps)));
server.listen(Number(flags.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${flags.port}${flags.under}/`);
});
