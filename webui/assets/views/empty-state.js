// The grid without cameras: the reason and the remedy.
import { fetchHub } from '../hub/api.js';
import { cloneTemplate, find, setText } from '../ui/dom.js';

const CREDENTIAL_TEXT = 'Agents need a credential. Run this on the machine of the hub. It prints the command for '
  + 'the Raspberry Pi. The cameras then appear here automatically.';

/** The hub has no camera: shows the command that starts one. */
export function noCamerasNotice() {
  const notice = cloneTemplate('empty');
  const command = find(notice, '.command', HTMLElement);
  setText(command, agentCommand(`nats://${bracketIPv6(location.hostname)}:4222`));
  fetchHub().then(({ nats }) => {
    const [url] = nats.urls;
    if (url) setText(command, agentCommand(url, nats.fingerprint));
    if (nats.auth_required) {
      setText(find(notice, '.how', HTMLElement), CREDENTIAL_TEXT);
      setText(command, 'bramble-hub agent add porch');
    }
    find(notice, '.fence', HTMLElement).hidden = !nats.loopback;
  }, () => {}); // If the hub is lost, the page says so, and the address above is a good guess.
  return notice;
}

/**
 * @param {string} url of the hub's NATS
 * @param {string} [fingerprint] of its key, with TLS
 */
export function agentCommand(url, fingerprint) {
  return `bramble-agent --hub ${url}${fingerprint ? ` --tls-fingerprint ${fingerprint}` : ''}`;
}

/** @param {string} host */
function bracketIPv6(host) {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/**
 * The hub has cameras, but none of them is in this view.
 * @param {{q: string, group: string}} view
 * @param {() => void} onShowAll called when the user wants to see all cameras
 */
export function noMatchNotice({ q, group }, onShowAll) {
  const notice = cloneTemplate('none');
  const within = group ? `the group ${group}` : 'this hub';
  const text = q ? `No name or host in ${within} contains “${q}”.` : `No camera is in ${within}.`;
  setText(find(notice, '.none-text', HTMLElement), text);
  find(notice, '.none-all', HTMLButtonElement).addEventListener('click', onShowAll);
  return notice;
}
