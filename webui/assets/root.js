// Where the hub is. The page may be served below any path of any host, so
// nothing is absolute: this module lies in assets/, one folder below the root.

/** The folder of the page's modules, with a trailing slash. */
export const assets = new URL('./', import.meta.url);

/** The hub's root, with a trailing slash. */
export const root = new URL('../', assets);

/**
 * @param {string} path below the root, such as cam/porch.mjpeg
 * @returns {string} an absolute address
 */
export function hubURL(path) {
  return new URL(path, root).href;
}

/**
 * What shows a signed link to the hub's /ws.
 * @param {string} camera
 * @param {string | null} link
 * @returns {string} the query, empty without a link
 */
export function signedQuery(camera, link) {
  return link ? `?${new URLSearchParams({ camera, link })}` : '';
}

/**
 * The camera that an address of this page names.
 * @param {string} pathname
 * @returns {string | null} its id, or null for the grid
 */
export function cameraAt(pathname) {
  const below = pathname.startsWith(root.pathname) ? pathname.slice(root.pathname.length) : '';
  return /^cam\/([a-z0-9][a-z0-9-]{0,62})$/.exec(below)?.[1] ?? null;
}
