// How large a tile may be so that all of them fit on the screen.

/** Tiles narrower than this are unreadable: from here on the page scrolls. */
const MIN_WIDTH = 176;
/** How much wider than its picture a tile may be, so that the grid lines up with the page's edges. */
const SLACK = 1.14;

/**
 * The largest tiles with which `count` of them fit into the area.
 * @param {number} count at least 1
 * @param {{width: number, height: number}} area
 * @param {number} gap
 * @param {number} aspect width / height of the pictures
 * @returns {{columns: number, width: number, height: number}} size of a tile
 */
export function fitTiles(count, area, gap, aspect) {
  let best = { columns: 1, width: 0, height: 0, used: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const cell = cellSize(area, columns, Math.ceil(count / columns), gap);
    const used = Math.min(cell.width, cell.height * aspect);
    if (used > best.used) best = { columns, ...cell, used };
  }
  if (best.used >= MIN_WIDTH) {
    return {
      columns: best.columns,
      width: Math.floor(Math.min(best.width, best.height * aspect * SLACK)),
      height: Math.floor(Math.min(best.height, best.width / aspect)),
    };
  }
  const columns = Math.max(1, Math.floor((area.width + gap) / (MIN_WIDTH + gap)));
  const { width } = cellSize(area, columns, 1, gap);
  return { columns, width: Math.floor(width), height: Math.floor(width / aspect) };
}

/**
 * @param {{width: number, height: number}} area
 * @param {number} columns
 * @param {number} rows
 * @param {number} gap
 */
function cellSize(area, columns, rows, gap) {
  return {
    width: Math.max(0, (area.width - gap * (columns - 1)) / columns),
    height: Math.max(0, (area.height - gap * (rows - 1)) / rows),
  };
}

/**
 * The shape that most pictures have.
 * @param {{width: number, height: number}[]} pictures
 * @returns {number} width / height
 */
export function commonAspect(pictures) {
  const aspects = pictures.filter((p) => p.width > 0 && p.height > 0).map((p) => p.width / p.height).sort((a, b) => a - b);
  return aspects[Math.floor(aspects.length / 2)] ?? 16 / 9;
}
