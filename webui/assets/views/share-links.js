// A camera's addresses, its subject, and the markup that embeds it, for use elsewhere.
import { cloneTemplate, find, setText } from '../ui/dom.js';
import { hubURL, root } from '../hub/urls.js';

/** What the address of each format is for. */
const formats = new Map([
  ['jpeg', 'JPEG: the newest picture'],
  ['mjpeg', 'MJPEG: for <img>, OctoPrint, Home Assistant'],
  ['mp4', 'MP4: for <video> and downloads'],
  ['h264', 'H.264: for VLC, ffmpeg, Frigate'],
]);

/**
 * @param {{id: string, format: string, formats: string[], width: number, height: number}} camera
 * @param {string} subjectRoot begins every NATS subject of the hub
 * @returns {[string, string][]} label and text
 */
export function shareLinks({ id, format, formats: can, width, height }, subjectRoot) {
  const size = width && height ? ` width="${width}" height="${height}"` : '';
  /** @type {[string, string][]} */
  const links = can.map((ext) => [formats.get(ext) ?? ext, hubURL(`cam/${id}.${ext}`)]);
  links.push(['NATS subject: one frame a message', `${subjectRoot}.${id}.${format}`]);
  links.push(['Only the picture, for an <iframe>', hubURL(`cam/${id}?embed`)]);
  if (can.includes('mjpeg')) links.push(['In any page, by MJPEG', `<img src="${hubURL(`cam/${id}.mjpeg`)}" alt="${id}"${size}>`]);
  if (can.includes('mp4')) links.push(['In any page, by video', `<video src="${hubURL(`cam/${id}.mp4`)}" autoplay muted playsinline${size}></video>`]);
  links.push(['In any page, at the live edge', `<script type="module" src="${hubURL('bramble-camera.js')}"></script>\n<bramble-camera camera="${id}" src="${root.href}"></bramble-camera>`]);
  return links;
}

/**
 * One address, with a button that copies it.
 * @param {string} label
 * @param {string} text
 */
export function shareLinkRow(label, text) {
  const item = cloneTemplate('address');
  setText(find(item, '.address-label', HTMLElement), label);
  // A long address may break before its path.
  const slash = Math.max(0, text.indexOf('/cam/'));
  find(item, '.address-text', HTMLElement).append(text.slice(0, slash), document.createElement('wbr'), text.slice(slash));
  const copy = find(item, '.copy', HTMLButtonElement);
  copy.setAttribute('aria-label', `Copy: ${label}`);
  // Browsers allow the clipboard on secure pages only. Elsewhere a click selects the text.
  copy.hidden = !window.isSecureContext;
  copy.addEventListener('click', async () => {
    const copied = await navigator.clipboard.writeText(text).then(() => true, () => false);
    setText(copy, copied ? 'Copied' : 'Refused');
    setTimeout(() => setText(copy, 'Copy'), 1500);
  });
  return item;
}
