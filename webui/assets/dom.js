// Typed access to the markup of index.html.

/**
 * The element that matches; index.html must have it.
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
 * A copy of a template's only element.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function stamp(id) {
  const copy = find(document, `template#${id}`, HTMLTemplateElement).content.firstElementChild?.cloneNode(true);
  if (!(copy instanceof HTMLElement)) throw new Error(`template ${id} is empty`);
  return copy;
}

/** One toast at a time. @type {{timer?: ReturnType<typeof setTimeout>}} */
const toasted = {};

/**
 * Says something in passing, to eyes and ears.
 * @param {string} text
 */
export function toast(text) {
  const element = find(document, '#toast', HTMLElement);
  setText(element, text);
  clearTimeout(toasted.timer);
  toasted.timer = setTimeout(() => setText(element, ''), 4000);
}

/**
 * Sets the text only where it changes, so that a selection in it survives.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
