// The panel of a camera's controls: those that its agent lists.
import { fetchCamera, fetchControls, setControls } from '../hub/api.js';
import { setText } from '../ui/dom.js';
import { ControlField, fieldSpec } from './control-field.js';

/**
 * @typedef {import('../hub/api.js').Controls} Controls
 * @typedef {import('../hub/api.js').ControlValues} ControlValues
 */

export class ControlsPanel {
  element = document.createElement('div');
  #id;
  #status = document.createElement('p');
  #list = document.createElement('fieldset');
  #retryButton = document.createElement('button');
  /** @type {Map<string, ControlField>} */
  #fields = new Map();
  #fieldsKey = '';
  #loaded = false;
  /** Sends one change at a time, so that answers do not overtake each other. @type {Promise<void>} */
  #queue = Promise.resolve();

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    this.#status.className = 'settings-status';
    this.#status.setAttribute('role', 'status');
    this.#list.className = 'settings-list';
    this.#retryButton.className = 'button';
    this.#retryButton.type = 'button';
    this.#retryButton.textContent = 'Try again';
    this.#retryButton.hidden = true;
    this.#retryButton.addEventListener('click', () => { this.#loaded = false; this.load(); });
    this.element.append(this.#status, this.#retryButton, this.#list);
  }

  /** Asks the agent for the controls, once. */
  load() {
    if (this.#loaded) return;
    this.#loaded = true;
    setText(this.#status, 'Loading the controls');
    fetchCamera(this.#id).then(({ role }) => { this.#list.disabled = role === 'viewer'; }, () => {})
      .finally(() => this.#showResult(fetchControls(this.#id)));
  }

  /** @param {ControlValues} values */
  #change(values) {
    this.#queue = this.#queue.then(() => this.#showResult(setControls(this.#id, values)));
  }

  /** @param {Promise<Controls>} request */
  async #showResult(request) {
    try {
      this.#show(await request);
      const locked = this.#list.disabled ? 'Only operators of this camera can change its controls.' : '';
      setText(this.#status, this.#fields.size ? locked : 'This camera has no controls.');
      this.#status.classList.remove('bad');
      this.#retryButton.hidden = true;
    } catch (err) {
      setText(this.#status, err instanceof Error ? err.message : String(err));
      this.#status.classList.add('bad');
      this.#retryButton.hidden = this.#fields.size > 0;
      for (const field of this.#fields.values()) field.reset(); // The refused value is not set.
    }
  }

  /** @param {Controls} answer */
  #show({ controls = [] }) {
    const specs = controls.map(fieldSpec);
    const key = specs.map((s) => `${s.key} ${s.type} ${s.min} ${s.max}`).join('\n');
    if (key !== this.#fieldsKey) {
      this.#fieldsKey = key;
      this.#fields = new Map(specs.map((spec) => [spec.key, new ControlField(spec, (values) => this.#change(values))]));
      this.#list.replaceChildren(...[...this.#fields.values()].map((field) => field.element));
    }
    for (const spec of specs) this.#fields.get(spec.key)?.update(spec);
  }
}
