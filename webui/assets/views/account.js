// The user's name and the logout button in the bar.
import { Session } from '../hub/session.js';
import { find, setText, toast } from '../ui/dom.js';

/** @returns {Session} one that shows its user in the bar; not started */
export function accountSession() {
  const session = new Session(({ name, open }) => {
    find(document, '#me', HTMLElement).hidden = open;
    setText(find(document, '#me-name', HTMLElement), name);
  });
  find(document, '#logout', HTMLButtonElement).addEventListener('click', () => {
    session.logOut().catch((err) => toast(err instanceof Error ? err.message : String(err)));
  });
  return session;
}
