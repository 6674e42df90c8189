// What to paste elsewhere: a camera's addresses, its subject, and how to embed it.
import { find, setText, stamp } from './dom.js';
import { hubURL, root } from './root.js';

/** What each format is to somebody who wants its address. */
const formats = new Map([
  ['jpeg', 'JPEG: the newest picture'],
  ['mjpeg', 'MJPEG: for <img>, OctoPrint, Home Assistant'],
  ['mp4', 'MP4: for <video> and downloads'],
  ['h264', 'H.264: for VLC, ffmpeg, Frigate'],
]);

/**
 * @param {{id: string, format: string, formats: string[], width: number, height: number}} camera
 * @param {string} subjectRoot what every NATS subject of the hub begins with
 * @returns {[string, string][]} label and text
 */
export function pastes({ id, format, formats: can, width, height }, subjectRoot) {
  const size = width && height ? ` width="${width}" height="${height}"` : '';
  /** @type {[string, string][]} */
  const all = can.map((ext) => [formats.get(ext) ?? ext, hubURL(`cam/${id}.${ext}`)]);
  all.push(['NATS subject: one frame a message', `${subjectRoot}.${id}.${format}`]);
  all.push(['Only the picture, for an <iframe>', hubURL(`cam/${id}?embed`)]);
  if (can.includes('mjpeg')) all.push(['In any page, by MJPEG', `<img src="${hubURL(`cam/${id}.mjpeg`)}" alt="${id}"${size}>`]);
  if (can.includes('mp4')) all.push(['In any page, by video', `<video src="${hubURL(`cam/${id}.mp4`)}" autoplay muted playsinline${size}></video>`]);
  all.push(['In any page, at the live edge', `<script type="module" src="${hubURL('bramble-camera.js')}"></script>\n<bramble-camera camera="${id}" src="${root.href}"></bramble-camera>`]);
  return all;
}

/**
 * One that can be copied.
 * @param {string} label
 * @param {string} text
 */
export function address(label, text) {
  const item = stamp('address');
  setText(find(item, '.address-label', HTMLElement), label);
  // A long address breaks in front of its path first.
  const slash = Math.max(0, text.indexOf('/cam/'));
  find(item, '.address-text', HTMLElement).append(text.slice(0, slash), document.createElement('wbr'), text.slice(slash));
  const copy = find(item, '.copy', HTMLButtonElement);
  copy.setAttribute('aria-label', `Copy: ${label}`);
  // Browsers give the clipboard to secure pages only; elsewhere one click selects the text.
  copy.hidden = !window.isSecureContext;
  copy.addEventListener('click', async () => {
    const copied = await navigator.clipboard.writeText(text).then(() => true, () => false);
    setText(copy, copied ? 'Copied' : 'Refused');
    setTimeout(() => setText(copy, 'Copy'), 1500);
  });
  return item;
}
