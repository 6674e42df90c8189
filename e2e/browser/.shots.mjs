import { launch } from '/work/main/e2e/browser/browser.mjs';
const base = process.argv[2];
const b = await launch();
const shot = async (path, file, opts = {}, wait = 4000, act) => {
  const ctx = await b.newContext({ viewport: opts.viewport ?? { width: 1440, height: 900 }, colorScheme: opts.scheme ?? 'dark', deviceScaleFactor: opts.dpr ?? 1 });
  const p = await ctx.newPage();
  p.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') console.log(file, m.text()); });
  p.on('pageerror', (e) => console.log(file, String(e)));
  await p.goto(base + path);
  await p.waitForTimeout(wait);
  if (act) await act(p);
  await p.screenshot({ path: file });
  await ctx.close();
};
const which = process.argv.slice(3);
const all = {
  dark: () => shot('/', '/tmp/s-dark.png', {}, 6000),
  light: () => shot('/', '/tmp/s-light.png', { scheme: 'light' }, 6000),
  phone: () => shot('/', '/tmp/s-phone.png', { viewport: { width: 390, height: 844 }, dpr: 2 }, 5000),
  cam: () => shot('/cam/garden', '/tmp/s-cam.png', {}, 9000),
  camj: () => shot('/cam/porch', '/tmp/s-camj.png', {}, 9000),
  phonecam: () => shot('/cam/porch', '/tmp/s-phonecam.png', { viewport: { width: 390, height: 844 }, dpr: 2 }, 5000),
  help: () => shot('/', '/tmp/s-help.png', {}, 4000, (p) => p.keyboard.press('?')),
};
for (const w of which) await all[w]();
await b.close();
