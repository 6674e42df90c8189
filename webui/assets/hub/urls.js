// The addresses of the hub. The page may be served below any path of any host, so all of them are relative to this
// module.

/** The folder assets, with a trailing slash. */
export const assets = new URL('../', import.meta.url);

/** The hub's root, with a trailing slash. The folder assets lies in it. */
export const root = new URL('../', assets);

/**
 * @param {string} path below the root, such as cam/porch.mjpeg
 * @returns {string} an absolute address
 */
export function hubURL(path) {
  return new URL(path, root).href;
}

/**
 * The query that presents a signed link to the hub's /ws.
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
