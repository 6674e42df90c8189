// Typed access to the markup of index.html.

/**
 * Returns the element that matches the selector. It must exist.
 * @template {Element} T
 * @param {ParentNode} within
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
export function find(within, selector, type) {
  const found = within.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} ${selector}`);
  return found;
}

/**
 * Returns a copy of a template's only element.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function cloneTemplate(id) {
  const copy = find(document, `template#${id}`, HTMLTemplateElement).content.firstElementChild?.cloneNode(true);
  if (!(copy instanceof HTMLElement)) throw new Error(`template ${id} is empty`);
  return copy;
}

/** There is one toast at a time. @type {{timer?: ReturnType<typeof setTimeout>}} */
const toastState = {};

/**
 * Shows a text for a few seconds, and has screen readers read it.
 * @param {string} text
 */
export function toast(text) {
  const element = find(document, '#toast', HTMLElement);
  setText(element, text);
  clearTimeout(toastState.timer);
  toastState.timer = setTimeout(() => setText(element, ''), 4000);
}

/**
 * Sets the text if it differs, so that a selection in it survives.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
