// A camera's addresses, its subject, and the markup that embeds it, for use elsewhere.
import { cloneTemplate, find, setText } from '../ui/dom.js';
import { hubURL, root } from '../hub/urls.js';

/**
 * @param {{id: string, format: string, formats: string[], width: number, height: number}} camera
 * @param {string} subjectRoot begins every NATS subject of the hub
 * @param {import('../hub/outputs.js').Output[]} outputs of the hub
 * @returns {[string, string][]} label and text
 */
export function shareLinks({ id, format, formats, width, height }, subjectRoot, outputs) {
  const size = width && height ? ` width="${width}" height="${height}"` : '';
  const labels = new Map(outputs.map(({ extension, label }) => [extension, label]));
  const address = (/** @type {string} */ extension) => hubURL(`cam/${id}.${extension}`);
  /** @type {[string, string][]} */
  const links = formats.map((extension) => [labels.get(extension) ?? extension, address(extension)]);
  links.push(['NATS subject: one frame per message', `${subjectRoot}.${id}.${format}`]);
  links.push(['Only the picture, for an <iframe>', hubURL(`cam/${id}?embed`)]);
  for (const { extension, element } of outputs.filter((output) => formats.includes(output.extension))) {
    const src = address(extension);
    if (element === 'img') {
      links.push([`HTML for any page: ${extension.toUpperCase()}`, `<img src="${src}" alt="${id}"${size}>`]);
    } else if (element === 'video') {
      links.push(['HTML for any page: video', `<video src="${src}" autoplay muted playsinline${size}></video>`]);
    }
  }
  const script = `<script type="module" src="${hubURL('bramble-camera.js')}"></script>`;
  const camera = `<bramble-camera camera="${id}" src="${root.href}"></bramble-camera>`;
  links.push(['HTML for any page: the live player', `${script}\n${camera}`]);
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
  const field = find(item, '.address-text', HTMLElement);
  field.append(text.slice(0, slash), document.createElement('wbr'), text.slice(slash));
  const copy = find(item, '.copy', HTMLButtonElement);
  copy.setAttribute('aria-label', `Copy: ${label}`);
  // Browsers allow the clipboard on secure pages only. Elsewhere a click selects the text.
  copy.hidden = !window.isSecureContext;
  copy.addEventListener('click', async () => {
    const copied = await navigator.clipboard.writeText(text).then(() => true, () => false);
    setText(copy, copied ? 'Copied' : 'Not copied');
    setTimeout(() => setText(copy, 'Copy'), 1500);
  });
  return item;
}
