// A hub with no cameras behind it, to work on the page: node webui/test/fakehub.mjs --scene four
//
// --port 8099         where to listen, on loopback
// --scene four        one of the scenes in scenes.mjs
// --under /sub/path   serve below a path, as behind a reverse proxy
// --jpeg F --h264 F   footage instead of ffmpeg's test card
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { makeClips, playMP4 } from './clips.mjs';
import { scene } from './scenes.mjs';

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '8099' },
    scene: { type: 'string', default: 'four' },
    under: { type: 'string', default: '' },
    jpeg: { type: 'string' },
    h264: { type: 'string' },
  },
});

const page = fileURLToPath(new URL('..', import.meta.url));
const csp = "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
/** @type {Record<string, string>} */
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const folder = mkdtempSync(join(tmpdir(), 'fakehub-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));

const clips = makeClips(folder, flags);
/** @type {Map<string, number>} */
const viewers = new Map();

/** @param {string} id */
function camera(id) {
  return scene(flags.scene, viewers).find((c) => c.id === id);
}

const frameNow = () => clips.jpegs[Math.floor(Date.now() / (1000 / 15)) % clips.jpegs.length] ?? Buffer.alloc(0);

/**
 * @param {import('node:http').ServerResponse} res
 * @param {number} status
 * @param {string} detail
 */
function problem(res, status, detail) {
  res.writeHead(status, { 'Content-Type': 'application/problem+json' });
  res.end(JSON.stringify({ type: 'about:blank', title: 'Fake hub', status, detail }));
}

/** @param {import('node:http').ServerResponse} res */
function playMJPEG(res) {
  res.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=bramble', 'Cache-Control': 'no-store' });
  res.write('--bramble\r\n');
  const timer = setInterval(() => {
    const jpeg = frameNow();
    res.write(`Content-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`);
    res.write(jpeg);
    res.write('\r\n--bramble\r\n');
  }, 1000 / 15);
  res.on('close', () => clearInterval(timer));
}

/**
 * @param {string} id
 * @param {string} format
 * @param {import('node:http').ServerResponse} res
 */
function serveCamera(id, format, res) {
  const cam = camera(id);
  if (!cam) return problem(res, 404, `There is no camera ${id}.`);
  if (!cam.formats.includes(format)) return problem(res, 503, `${id} has no ${format}: ffmpeg is not installed.`);
  if (cam.state === 'offline') return problem(res, 503, `${id} is offline.`);
  if (format === 'jpeg') {
    res.writeHead(200, { 'Content-Type': 'image/jpeg', 'Cache-Control': 'no-store' });
    return res.end(frameNow());
  }
  viewers.set(id, (viewers.get(id) ?? 0) + 1);
  res.on('close', () => viewers.set(id, (viewers.get(id) ?? 1) - 1));
  return format === 'mjpeg' ? playMJPEG(res) : playMP4(clips.mp4, res);
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
    res.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': csp, 'Cache-Control': 'no-cache' });
    res.end(body);
  } catch {
    problem(res, 404, `There is no ${path}.`);
  }
}

/**
 * As webui.Index does it: the same page, its assets found from one folder further down.
 * @param {string} up
 * @param {import('node:http').ServerResponse} res
 */
function serveIndex(up, res) {
  const html = readFileSync(join(page, 'index.html'), 'utf8').replaceAll('="assets/', `="${up}assets/`);
  res.writeHead(200, { 'Content-Type': types['.html'], 'Content-Security-Policy': csp });
  res.end(html);
}

createServer((req, res) => {
  const { pathname } = new URL(req.url ?? '/', 'http://localhost');
  if (!pathname.startsWith(`${flags.under}/`)) return problem(res, 404, `This hub is at ${flags.under}/.`);
  const path = pathname.slice(flags.under.length + 1);
  const format = /^cam\/([a-z0-9-]+)\.(jpeg|mjpeg|h264|mp4)$/.exec(path);
  if (path === 'api/v1/cameras') {
    res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    return res.end(JSON.stringify({ cameras: scene(flags.scene, viewers) }));
  }
  if (format) return serveCamera(format[1] ?? '', format[2] ?? '', res);
  if (path === '') return serveIndex('', res);
  if (/^cam\/[a-z0-9-]+$/.test(path)) return serveIndex('../', res);
  return serveFile(path, res);
}).listen(Number(flags.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${flags.port}${flags.under}/`);
});
