// The hub's outputs: the formats in which it serves a camera. The hub writes the list into index.html.

/**
 * @typedef {object} Output
 * @property {string} extension The address of a camera in this format is cam/<id>.<extension>.
 * @property {string} label What the format is for.
 * @property {'img' | 'video'} [element] The HTML element that shows the address without a script, if there is one.
 */

/** @returns {Output[]} in the hub's order */
export function readOutputs() {
  const meta = document.querySelector('meta[name="outputs"]');
  return meta instanceof HTMLMetaElement ? JSON.parse(meta.content) : [];
}
