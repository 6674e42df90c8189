// One setting of a camera: a slider, a switch, a menu or a button.
import { find, setText, stamp } from './dom.js';

/**
 * @typedef {import('./api.js').Settings} Settings
 *
 * @typedef {object} Spec
 * @property {string} key
 * @property {string} label
 * @property {'int' | 'bool' | 'menu' | 'button'} type
 * @property {number} min
 * @property {number} max
 * @property {number} step
 * @property {number} value
 * @property {number | null} initial what Revert sets; null if there is none
 * @property {string[]} menu
 * @property {boolean} inactive
 * @property {(value: number) => Settings} change
 */

/**
 * @param {import('./api.js').Control} control
 * @returns {Spec}
 */
export function controlSpec(control) {
  const words = control.name.replaceAll('_', ' ');
  return {
    ...control, key: control.name, label: words.charAt(0).toUpperCase() + words.slice(1), menu: control.menu ?? [], inactive: Boolean(control.inactive),
    step: control.step || 1, initial: control.type === 'button' ? null : control.default,
    change: (value) => ({ controls: { [control.name]: value } }),
  };
}

export class Setting {
  element = stamp('setting');
  #spec;
  #field;
  #value = find(this.element, '.setting-value', HTMLOutputElement);
  #revert = find(this.element, '.revert', HTMLButtonElement);

  /**
   * @param {Spec} spec
   * @param {(settings: Settings) => void} onChange
   */
  constructor(spec, onChange) {
    this.#spec = spec;
    this.#field = makeField(spec);
    const name = find(this.element, '.setting-name', HTMLLabelElement);
    setText(name, spec.label);
    this.#field.id = `setting-${spec.key}`;
    name.htmlFor = this.#field.id;
    this.element.dataset.type = spec.type;
    find(this.element, '.setting-field', HTMLElement).append(this.#field);
    this.#revert.setAttribute('aria-label', `Revert ${spec.label} to ${spec.initial}`);
    this.#revert.addEventListener('click', () => { if (spec.initial !== null) onChange(spec.change(spec.initial)); });
    this.#field.addEventListener('input', () => this.#label());
    this.#field.addEventListener(spec.type === 'button' ? 'click' : 'change', () => {
      const value = this.#read();
      if (Number.isFinite(value) && this.#field.checkValidity()) onChange(spec.change(value));
      else this.reset();
    });
    this.reset();
  }

  /** @param {Spec} spec with another value, maybe */
  update(spec) {
    this.#spec = spec;
    this.reset();
  }

  /** Shows what the camera has. */
  reset() {
    const { value, inactive, initial, type } = this.#spec;
    const field = this.#field;
    field.disabled = inactive;
    field.title = inactive ? 'Another control decides this now.' : '';
    if (field instanceof HTMLInputElement && type === 'bool') field.checked = Boolean(value);
    else if (!(field instanceof HTMLButtonElement)) field.value = String(value);
    this.#revert.hidden = inactive || initial === null || value === initial;
    this.#label();
  }

  #read() {
    const field = this.#field;
    if (field instanceof HTMLButtonElement) return 0;
    if (field instanceof HTMLInputElement && this.#spec.type === 'bool') return field.checked ? 1 : 0;
    return Number(field.value);
  }

  #label() {
    setText(this.#value, this.#spec.type === 'int' ? String(this.#read()) : '');
  }
}

/**
 * @param {Spec} spec
 * @returns {HTMLInputElement | HTMLSelectElement | HTMLButtonElement}
 */
function makeField({ type, min, max, step, menu }) {
  if (type === 'menu') {
    const select = document.createElement('select');
    select.append(...menu.map((name, i) => new Option(name, String(min + i))).filter((option) => option.text));
    return select;
  }
  if (type === 'button') {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'button';
    button.textContent = 'Run';
    return button;
  }
  const input = document.createElement('input');
  input.type = type === 'bool' ? 'checkbox' : 'range';
  if (type === 'bool') input.setAttribute('role', 'switch');
  else Object.assign(input, { min: String(min), max: String(max), step: String(step) });
  return input;
}
