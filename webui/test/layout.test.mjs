import assert from 'node:assert/strict';
import { test } from 'node:test';

import { commonAspect, fitTiles } from '../assets/layout.js';

const aspect = 16 / 9;
const screens = {
  desktop: { width: 1420, height: 842 },
  phone: { width: 370, height: 786 },
  'phone on its side': { width: 824, height: 330 },
};

for (const [name, area] of Object.entries(screens)) {
  test(`no tile leaves the ${name} sideways, up to 40 cameras`, () => {
    for (let count = 1; count <= 40; count++) {
      const { columns, width } = fitTiles(count, area, 8, aspect);
      assert.ok(columns * width + (columns - 1) * 8 <= area.width, `${count} cameras`);
      assert.ok(width > 0, `${count} cameras`);
    }
  });
}

test('1 to 16 cameras fit on a desktop without scrolling and cover most of it', () => {
  for (let count = 1; count <= 16; count++) {
    const { columns, width, height } = fitTiles(count, screens.desktop, 8, aspect);
    const rows = Math.ceil(count / columns);
    assert.ok(rows * height + (rows - 1) * 8 <= screens.desktop.height, `${count} cameras`);
    assert.ok(count * width * height > 0.5 * screens.desktop.width * screens.desktop.height, `${count} cameras`);
  }
});

test('four cameras: two by two on a desktop, one column on a phone', () => {
  assert.equal(fitTiles(4, screens.desktop, 8, aspect).columns, 2);
  assert.equal(fitTiles(4, screens.phone, 8, aspect).columns, 1);
});

test('many cameras on a phone scroll instead of becoming unreadable', () => {
  const { columns, width } = fitTiles(30, screens.phone, 8, aspect);
  assert.equal(columns, 2);
  assert.ok(width >= 176);
});

test('the shape of most pictures wins; unknown sizes do not count', () => {
  assert.equal(commonAspect([{ width: 0, height: 0 }]), 16 / 9);
  assert.equal(commonAspect([{ width: 640, height: 480 }, { width: 0, height: 0 }, { width: 800, height: 600 }, { width: 1280, height: 720 }]), 4 / 3);
});
