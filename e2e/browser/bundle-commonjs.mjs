// Makes one ES module of a CommonJS package, as a bundler does: enough for packages that are plain JavaScript.
import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';

/**
 * @param {string} name of an installed package
 * @param {string[]} names what the module exports
 * @returns {string} its source
 */
export function bundle(name, names) {
  /** @type {Map<string, string>} */
  const found = new Map();
  /** @param {string} file */
  function visit(file) {
    if (found.has(file)) return;
    found.set(file, ''); // before what it requires, which may require it
    const resolve = createRequire(file).resolve;
    /** @type {Record<string, string>} */
    const links = {};
    const source = readFileSync(file, 'utf8');
    for (const [, wanted] of source.matchAll(/\brequire\(["']([^"']+)["']\)/g)) {
      if (!wanted || isBuiltin(wanted)) continue; // asked for only where there is no browser
      links[wanted] = resolve(wanted);
      visit(links[wanted]);
    }
    found.set(file, `[${JSON.stringify(links)}, function (module, exports, require) {${source}\n}]`);
  }
  const entry = createRequire(import.meta.url).resolve(name);
  visit(entry);
  return `const files = {${[...found].map(([file, code]) => `${JSON.stringify(file)}: ${code}`).join(',\n')}};
const loaded = {};
function load(file) {
  if (!loaded[file]) {
    const module = loaded[file] = { exports: {} };
    files[file][1](module, module.exports, (name) => load(files[file][0][name]));
  }
  return loaded[file].exports;
}
export const { ${names.join(', ')} } = load(${JSON.stringify(entry)});
`;
}
