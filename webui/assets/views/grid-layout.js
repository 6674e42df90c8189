// The size of the tiles: as large as possible, so that all of them fit on the screen.

/** Narrower tiles are unreadable, so the page scrolls instead. */
const MIN_WIDTH = 132;
const MIN_WIDTH_PHONE = 164;
const PHONE = 600;

/**
 * @typedef {{width: number, height: number}} Size
 * @typedef {{gap: number, caption: number}} Spacing between tiles; below each picture
 */

/**
 * Returns the largest tiles of which `count` fit into the area.
 * @param {number} count at least 1
 * @param {Size} area
 * @param {Spacing} spacing
 * @param {number} aspect width / height of the pictures
 * @param {number} [columns] exactly this many, whether they fit or not
 * @returns {{columns: number, width: number, height: number}} size of a tile, its caption included
 */
export function fitTiles(count, area, spacing, aspect, columns = 0) {
  if (columns) return fixedColumns(columns, area, spacing, aspect);
  let best = { columns: 1, width: 0, height: 0, used: 0 };
  for (let n = 1; n <= count; n++) {
    const cell = cellSize(area, n, Math.ceil(count / n), spacing);
    const used = Math.min(cell.width, cell.height * aspect);
    if (used > best.used) best = { columns: n, ...cell, used };
  }
  // On a phone scrolling is easy.
  if (area.width < PHONE && best.columns === 1) return fixedColumns(1, area, spacing, aspect);
  const least = area.width < PHONE ? MIN_WIDTH_PHONE : MIN_WIDTH;
  if (best.used >= least) return { columns: best.columns, ...tileSize(best, spacing, aspect) };
  const most = Math.floor((area.width + spacing.gap) / (least + spacing.gap));
  return fixedColumns(Math.max(1, most), area, spacing, aspect);
}

/**
 * Returns tiles as wide as the area allows. The page scrolls if there are too many.
 * @param {number} columns
 * @param {Size} area
 * @param {Spacing} spacing
 * @param {number} aspect
 */
function fixedColumns(columns, area, spacing, aspect) {
  const { width } = cellSize(area, columns, 1, spacing);
  return { columns, width: Math.floor(width), height: Math.floor(width / aspect + spacing.caption) };
}

/**
 * @param {Size} cell of the picture
 * @param {Spacing} spacing
 * @param {number} aspect
 */
function tileSize(cell, spacing, aspect) {
  return {
    width: Math.floor(Math.min(cell.width, cell.height * aspect)),
    height: Math.floor(Math.min(cell.height, cell.width / aspect) + spacing.caption),
  };
}

/**
 * @param {Size} area
 * @param {number} columns
 * @param {number} rows
 * @param {Spacing} spacing
 * @returns {Size} of one picture
 */
function cellSize(area, columns, rows, { gap, caption }) {
  return {
    width: Math.max(0, (area.width - gap * (columns - 1)) / columns),
    height: Math.max(0, (area.height - gap * (rows - 1)) / rows - caption),
  };
}

/**
 * Returns the median shape of the pictures.
 * @param {{width: number, height: number}[]} pictures
 * @returns {number} width / height
 */
export function medianAspect(pictures) {
  const known = pictures.filter((p) => p.width > 0 && p.height > 0);
  const aspects = known.map((p) => p.width / p.height).sort((a, b) => a - b);
  return aspects[Math.floor(aspects.length / 2)] ?? 16 / 9;
}

/**
 * Many tiles stand closer together, with smaller captions.
 * @param {number} count
 * @param {number} areaWidth
 * @returns {Spacing}
 */
export function spacingFor(count, areaWidth) {
  const perTile = areaWidth / Math.ceil(Math.sqrt(count));
  if (areaWidth < PHONE) return { gap: 6, caption: 28 };
  return perTile < 230 ? { gap: 4, caption: 22 } : { gap: 8, caption: 30 };
}
