// The toolbar above the grid: groups, search, columns.
import { find } from '../ui/dom.js';
import { groupCameras } from './camera-order.js';
import { formatCount } from '../ui/format.js';

/** @typedef {import('./view-state.js').ViewState} ViewState */

const MAX_COLUMNS = 8;

export class Toolbar {
  #view;
  #onChange;
  #groups = find(document, '#groups', HTMLElement);
  #search = find(document, '#search', HTMLInputElement);
  #columns = find(document, '#columns', HTMLSelectElement);
  #shownGroups = '';

  /**
   * @param {ViewState} view
   * @param {(view: ViewState) => void} onChange called when the user changes the view
   */
  constructor(view, onChange) {
    this.#view = view;
    this.#onChange = onChange;
    for (const id of ['#search-box', '#columns-box']) find(document, id, HTMLElement).hidden = false;
    const numbers = Array.from({ length: MAX_COLUMNS }, (_, i) => columnsOption(i + 1));
    this.#columns.append(new Option('Fit to screen', '0'), ...numbers);
    this.#columns.addEventListener('change', () => this.#change({ cols: Number(this.#columns.value) }));
    this.#search.addEventListener('input', () => this.#change({ q: this.#search.value }));
    this.#search.addEventListener('keydown', (e) => {
      if (e.key !== 'Escape' && e.key !== 'Enter') return;
      if (e.key === 'Escape') this.#change({ q: '' });
      this.#search.blur();
      e.preventDefault();
    });
    this.view = view;
  }

  /** @param {ViewState} view */
  set view(view) {
    this.#view = view;
    if (this.#search.value !== view.q) this.#search.value = view.q;
    const hasExtra = this.#columns.options.length > MAX_COLUMNS + 1;
    if (view.cols > MAX_COLUMNS && !hasExtra) this.#columns.append(columnsOption(view.cols));
    this.#columns.value = String(view.cols);
    this.#updatePressed();
  }

  /** @param {string[]} ids of all cameras */
  update(ids) {
    const groups = groupCameras(ids);
    const names = [...groups.keys()];
    if (this.#view.group && !groups.has(this.#view.group)) names.push(this.#view.group);
    const key = names.join('\n');
    if (key === this.#shownGroups) return;
    this.#shownGroups = key;
    this.#groups.hidden = names.length === 0;
    this.#groups.replaceChildren(...['', ...names].map((name) => this.#createTab(name)));
    this.#updatePressed();
  }

  focusSearch() {
    this.#search.focus();
    this.#search.select();
  }

  /** @param {string} name of a group; empty for all */
  #createTab(name) {
    const tab = document.createElement('button');
    tab.type = 'button';
    tab.className = 'tab';
    tab.textContent = name || 'All';
    tab.value = name;
    tab.addEventListener('click', () => this.#change({ group: name }));
    return tab;
  }

  #updatePressed() {
    for (const tab of this.#groups.querySelectorAll('button')) {
      tab.setAttribute('aria-pressed', String(tab.value === this.#view.group));
    }
  }

  /** @param {Partial<ViewState>} change */
  #change(change) {
    this.view = { ...this.#view, ...change };
    this.#onChange(this.#view);
  }
}

/** @param {number} columns */
function columnsOption(columns) {
  return new Option(formatCount(columns, 'column'), String(columns));
}
