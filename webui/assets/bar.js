// The bar above the grid: groups, search, columns.
import { find } from './dom.js';
import { groupsOf } from './order.js';
import { many } from './words.js';

/** @typedef {import('./view-state.js').ViewState} ViewState */

const MOST_COLUMNS = 8;

export class Bar {
  #view;
  #onView;
  #groups = find(document, '#groups', HTMLElement);
  #search = find(document, '#search', HTMLInputElement);
  #columns = find(document, '#columns', HTMLSelectElement);
  #shown = '';

  /**
   * @param {ViewState} view
   * @param {(view: ViewState) => void} onView somebody has chosen
   */
  constructor(view, onView) {
    this.#view = view;
    this.#onView = onView;
    for (const id of ['#search-box', '#columns-box']) find(document, id, HTMLElement).hidden = false;
    this.#columns.append(new Option('Fit to screen', '0'), ...Array.from({ length: MOST_COLUMNS }, (_, i) => option(i + 1)));
    this.#columns.addEventListener('change', () => this.#choose({ cols: Number(this.#columns.value) }));
    this.#search.addEventListener('input', () => this.#choose({ q: this.#search.value }));
    this.#search.addEventListener('keydown', (e) => {
      if (e.key !== 'Escape' && e.key !== 'Enter') return;
      if (e.key === 'Escape') this.#choose({ q: '' });
      this.#search.blur();
      e.preventDefault();
    });
    this.view = view;
  }

  /** @param {ViewState} view */
  set view(view) {
    this.#view = view;
    if (this.#search.value !== view.q) this.#search.value = view.q;
    if (view.cols > MOST_COLUMNS && this.#columns.options.length <= MOST_COLUMNS + 1) this.#columns.append(option(view.cols));
    this.#columns.value = String(view.cols);
    this.#press();
  }

  /** @param {string[]} ids of all cameras */
  update(ids) {
    const groups = groupsOf(ids);
    const names = [...groups.keys()];
    if (this.#view.group && !groups.has(this.#view.group)) names.push(this.#view.group);
    const key = names.join('\n');
    if (key === this.#shown) return;
    this.#shown = key;
    this.#groups.hidden = names.length === 0;
    this.#groups.replaceChildren(...['', ...names].map((name) => this.#tab(name)));
    this.#press();
  }

  focusSearch() {
    this.#search.focus();
    this.#search.select();
  }

  /** @param {string} name of a group; empty for all */
  #tab(name) {
    const tab = document.createElement('button');
    tab.type = 'button';
    tab.className = 'tab';
    tab.textContent = name || 'All';
    tab.value = name;
    tab.addEventListener('click', () => this.#choose({ group: name }));
    return tab;
  }

  #press() {
    for (const tab of this.#groups.querySelectorAll('button')) tab.setAttribute('aria-pressed', String(tab.value === this.#view.group));
  }

  /** @param {Partial<ViewState>} change */
  #choose(change) {
    this.view = { ...this.#view, ...change };
    this.#onView(this.#view);
  }
}

/** @param {number} columns */
function option(columns) {
  return new Option(many(columns, 'column'), String(columns));
}
