// The camera's controls: those that its agent lists, and no others.
import { configure, fetchCamera, fetchControls } from './api.js';
import { setText } from './dom.js';
import { Setting, controlSpec } from './setting.js';

/**
 * @typedef {import('./api.js').Controls} Controls
 * @typedef {import('./api.js').Settings} Settings
 */

export class SettingsPanel {
  element = document.createElement('div');
  #id;
  #said = document.createElement('p');
  #list = document.createElement('fieldset');
  #again = document.createElement('button');
  /** @type {Map<string, Setting>} */
  #settings = new Map();
  #names = '';
  #loaded = false;
  /** One change at a time, so that answers do not overtake each other. @type {Promise<void>} */
  #turn = Promise.resolve();

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    this.#said.className = 'settings-said';
    this.#said.setAttribute('role', 'status');
    this.#list.className = 'settings-list';
    this.#again.className = 'button';
    this.#again.type = 'button';
    this.#again.textContent = 'Ask again';
    this.#again.hidden = true;
    this.#again.addEventListener('click', () => { this.#loaded = false; this.load(); });
    this.element.append(this.#said, this.#again, this.#list);
  }

  /** Asks the agent, once. */
  load() {
    if (this.#loaded) return;
    this.#loaded = true;
    setText(this.#said, 'Asking the camera');
    fetchCamera(this.#id).then(({ role }) => { this.#list.disabled = role === 'viewer'; }, () => {})
      .finally(() => this.#do(fetchControls(this.#id)));
  }

  /** @param {Settings} settings */
  #change(settings) {
    this.#turn = this.#turn.then(() => this.#do(configure(this.#id, settings)));
  }

  /** @param {Promise<Controls>} question */
  async #do(question) {
    try {
      this.#show(await question);
      const locked = this.#list.disabled ? 'Only operators of this camera can change these.' : '';
      setText(this.#said, this.#settings.size ? locked : 'This camera has nothing that can be set.');
      this.#said.classList.remove('bad');
      this.#again.hidden = true;
    } catch (err) {
      setText(this.#said, err instanceof Error ? err.message : String(err));
      this.#said.classList.add('bad');
      this.#again.hidden = this.#settings.size > 0;
      for (const setting of this.#settings.values()) setting.reset(); // What is refused is not set.
    }
  }

  /** @param {Controls} answer */
  #show({ controls = [] }) {
    const specs = controls.map(controlSpec);
    const names = specs.map((s) => `${s.key} ${s.type} ${s.min} ${s.max}`).join('\n');
    if (names !== this.#names) {
      this.#names = names;
      this.#settings = new Map(specs.map((spec) => [spec.key, new Setting(spec, (settings) => this.#change(settings))]));
      this.#list.replaceChildren(...[...this.#settings.values()].map((s) => s.element));
    }
    for (const spec of specs) this.#settings.get(spec.key)?.update(spec);
  }
}
