import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fitTiles, medianAspect, spacingFor } from '../assets/views/grid-layout.js';

const aspect = 16 / 9;
const screens = {
  desktop: { width: 1420, height: 840 },
  wall: { width: 1908, height: 1068 },
  phone: { width: 370, height: 780 },
  'phone on its side': { width: 824, height: 330 },
};

/**
 * @param {number} count
 * @param {{width: number, height: number}} area
 * @param {number} [columns]
 */
const fit = (count, area, columns) => {
  const spacing = spacingFor(count, area.width);
  return { ...fitTiles(count, area, spacing, aspect, columns), ...spacing };
};

for (const [name, area] of Object.entries(screens)) {
  test(`no tile leaves the ${name} sideways, up to 64 cameras`, () => {
    for (let count = 1; count <= 64; count++) {
      const { columns, width, gap } = fit(count, area);
      assert.ok(columns * width + (columns - 1) * gap <= area.width, `${count} cameras`);
      assert.ok(width > 0, `${count} cameras`);
    }
  });
}

test('1 to 64 cameras fit on a desktop without scrolling, and their pictures cover most of it', () => {
  for (const area of [screens.desktop, screens.wall]) {
    for (let count = 1; count <= 64; count++) {
      const { columns, width, height, gap, caption } = fit(count, area);
      const rows = Math.ceil(count / columns);
      assert.ok(rows * height + (rows - 1) * gap <= area.height, `${count} cameras`);
      const picture = Math.min(width, (height - caption) * aspect);
      assert.ok(count * picture * picture / aspect > 0.45 * area.width * area.height, `${count} cameras`);
    }
  }
});

test('four cameras: two by two on a desktop, one column on a phone', () => {
  assert.equal(fit(4, screens.desktop).columns, 2);
  const phone = fit(4, screens.phone);
  assert.equal(phone.columns, 1);
  assert.equal(phone.width, screens.phone.width);
});

test('many cameras on a phone scroll instead of becoming unreadable', () => {
  const { columns, width } = fit(30, screens.phone);
  assert.equal(columns, 2);
  assert.ok(width >= 164);
});

test('columns that were asked for are kept, whatever would fit', () => {
  const { columns, width, height, caption } = fit(20, screens.desktop, 3);
  assert.equal(columns, 3);
  assert.ok(3 * width > 0.95 * screens.desktop.width);
  assert.ok(Math.abs(width / (height - caption) - aspect) < 0.02);
});

test('the shape of most pictures wins; unknown sizes do not count', () => {
  assert.equal(medianAspect([{ width: 0, height: 0 }]), 16 / 9);
  const sizes = [[640, 480], [0, 0], [800, 600], [1280, 720]].map(([width = 0, height = 0]) => ({ width, height }));
  assert.equal(medianAspect(sizes), 4 / 3);
});
