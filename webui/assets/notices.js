// What stands in the grid's place while there is nothing to show, and what to do about it.
import { fetchHub } from './api.js';
import { find, setText, stamp } from './dom.js';

/** The hub knows no camera: the command that starts one. */
export function emptyNotice() {
  const notice = stamp('empty');
  const command = find(notice, '.command', HTMLElement);
  setText(command, agentCommand(`nats://${bracketed(location.hostname)}:4222`));
  fetchHub().then(({ nats }) => {
    const [url] = nats.urls;
    if (url) setText(command, agentCommand(url, nats.fingerprint));
    if (nats.asks) {
      setText(find(notice, '.how', HTMLElement), 'Agents need a credential. Type this where the hub runs: it prints the line to run on the Raspberry Pi, whose cameras then appear here by themselves.');
      setText(command, 'bramble-hub agent add porch');
    }
    find(notice, '.fence', HTMLElement).hidden = !nats.loopback;
  }, () => {}); // The page says already if the hub is lost, and the guess above is a good one.
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
function bracketed(host) {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/**
 * No camera of the hub is in this view.
 * @param {{q: string, group: string}} view
 * @param {() => void} onAll
 */
export function noneNotice({ q, group }, onAll) {
  const notice = stamp('none');
  const within = group ? `the group ${group}` : 'this hub';
  setText(find(notice, '.none-text', HTMLElement), q ? `No name or host in ${within} contains “${q}”.` : `No camera is in ${within}.`);
  find(notice, '.none-all', HTMLButtonElement).addEventListener('click', onAll);
  return notice;
}
