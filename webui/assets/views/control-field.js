// The field of one control: a slider, a switch, a menu or a button.
import { cloneTemplate, find, setText } from '../ui/dom.js';

/**
 * @typedef {import('../hub/api.js').ControlValues} ControlValues
 *
 * @typedef {object} FieldSpec
 * @property {string} key Name of the control, as the agent has it.
 * @property {string} label Name of the control for the user.
 * @property {'int' | 'bool' | 'menu' | 'button'} type What values it takes.
 * @property {number} min Smallest value.
 * @property {number} max Largest value.
 * @property {number} step Distance of two values.
 * @property {number} value The value now.
 * @property {number | null} initial The value that Revert sets; null if there is none.
 * @property {string[]} menu Names of the items from min on; unused ones are empty.
 * @property {boolean} inactive Whether another control decides now.
 * @property {(value: number) => ControlValues} change Returns the change that sets a value.
 */

/**
 * @param {import('../hub/api.js').Control} control
 * @returns {FieldSpec}
 */
export function fieldSpec(control) {
  const words = control.name.replaceAll('_', ' ');
  return {
    ...control,
    key: control.name,
    label: words.charAt(0).toUpperCase() + words.slice(1),
    menu: control.menu ?? [],
    inactive: Boolean(control.inactive),
    step: control.step || 1, initial: control.type === 'button' ? null : control.default,
    change: (value) => ({ controls: { [control.name]: value } }),
  };
}

export class ControlField {
  element = cloneTemplate('setting');
  #spec;
  #input;
  #value = find(this.element, '.setting-value', HTMLOutputElement);
  #revert = find(this.element, '.revert', HTMLButtonElement);

  /**
   * @param {FieldSpec} spec
   * @param {(values: ControlValues) => void} onChange
   */
  constructor(spec, onChange) {
    this.#spec = spec;
    this.#input = createInput(spec);
    const name = find(this.element, '.setting-name', HTMLLabelElement);
    setText(name, spec.label);
    this.#input.id = `setting-${spec.key}`;
    name.htmlFor = this.#input.id;
    this.element.dataset.type = spec.type;
    find(this.element, '.setting-field', HTMLElement).append(this.#input);
    this.#revert.setAttribute('aria-label', `Revert ${spec.label} to ${spec.initial}`);
    this.#revert.addEventListener('click', () => { if (spec.initial !== null) onChange(spec.change(spec.initial)); });
    this.#input.addEventListener('input', () => this.#showValue());
    this.#input.addEventListener(spec.type === 'button' ? 'click' : 'change', () => {
      const value = this.#read();
      if (Number.isFinite(value) && this.#input.checkValidity()) onChange(spec.change(value));
      else this.reset();
    });
    this.reset();
  }

  /** @param {FieldSpec} spec its value may differ */
  update(spec) {
    this.#spec = spec;
    this.reset();
  }

  /** Shows the camera's value, and discards what the user has entered. */
  reset() {
    const { value, inactive, initial, type } = this.#spec;
    const input = this.#input;
    input.disabled = inactive;
    input.title = inactive ? 'Another control sets this value now.' : '';
    if (input instanceof HTMLInputElement && type === 'bool') input.checked = Boolean(value);
    else if (!(input instanceof HTMLButtonElement)) input.value = String(value);
    this.#revert.hidden = inactive || initial === null || value === initial;
    this.#showValue();
  }

  #read() {
    const input = this.#input;
    if (input instanceof HTMLButtonElement) return 0;
    if (input instanceof HTMLInputElement && this.#spec.type === 'bool') return input.checked ? 1 : 0;
    return Number(input.value);
  }

  #showValue() {
    setText(this.#value, this.#spec.type === 'int' ? String(this.#read()) : '');
  }
}

/**
 * @param {FieldSpec} spec
 * @returns {HTMLInputElement | HTMLSelectElement | HTMLButtonElement}
 */
function createInput({ type, min, max, step, menu }) {
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
