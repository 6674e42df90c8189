// Tries every way in which a page of another host can load a picture from a hub without the hub's scripts. That page's
// server answers with the HTML in the parameter body.
// node cross-origin.mjs HUB_URL PAGE_URL --camera ID
import { parseArgs } from 'node:util';

import { run, usage } from './browser.mjs';

const { values: { camera }, positionals: [hub, other] } = parseArgs({
  allowPositionals: true, options: { camera: { type: 'string' } },
});
if (!hub || !other || !camera) usage('cross-origin.mjs HUB_URL PAGE_URL --camera ID');

const LIMIT_MS = 45_000;

const cam = `${hub}/cam/${camera}`;

/**
 * Each way has an address of its own, which identifies its request.
 * @type {Record<string, {url: string, html: string}>}
 */
const ways = {
  img: { url: `${cam}.jpeg?way=img`, html: '<img src="URL">' },
  stream: { url: `${cam}.mjpeg?way=stream`, html: '<img src="URL">' },
  video: { url: `${cam}.mp4?way=video`, html: '<video src="URL" autoplay muted></video>' },
  frame: { url: `${cam}?embed&way=frame`, html: '<iframe src="URL"></iframe>' },
  streamFrame: { url: `${cam}.mjpeg?way=streamFrame`, html: '<iframe src="URL"></iframe>' },
  sandbox: {
    url: `${cam}?embed&way=sandbox`, html: '<iframe sandbox src="URL" referrerpolicy="no-referrer"></iframe>',
  },
  noReferrer: { url: `${cam}.jpeg?way=noReferrer`, html: '<img src="URL" referrerpolicy="no-referrer">' },
  object: { url: `${cam}.mjpeg?way=object`, html: '<object data="URL" type="image/jpeg"></object>' },
  script: { url: `${cam}.jpeg?way=script`, html: '<script src="URL"></' + 'script>' },
  style: { url: `${cam}.jpeg?way=style`, html: '<div style="width: 9px; height: 9px; background: url(URL)"></div>' },
  prefetch: { url: `${cam}.jpeg?way=prefetch`, html: '<link rel="prefetch" href="URL">' },
  fetch: { url: `${cam}.jpeg?way=fetch`, html: '<script>fetch("URL", { mode: "no-cors" })</' + 'script>' },
  form: {
    url: `${cam}.mjpeg?way=form`,
    html: '<iframe name="into"></iframe><form action="URL" target="into"><input name="way" value="form"></form>'
      + '<script>document.forms[0].submit()</' + 'script>',
  },
};

await run('cross-origin', async (browser) => {
  const page = await browser.newPage();
  /** @type {Record<string, number>} */
  const statuses = {};
  const done = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to all, but to ${JSON.stringify(statuses)}`)), LIMIT_MS);
    /**
     * @param {string} url
     * @param {number} status 0 if the browser keeps the answer to itself
     */
    const record = (url, status) => {
      const way = new URL(url).searchParams.get('way');
      if (!url.startsWith(hub) || !way) return;
      statuses[way] ||= status;
      if (Object.keys(statuses).length < Object.keys(ways).length) return;
      clearTimeout(timer);
      resolve(undefined);
    };
    page.on('response', (response) => record(response.url(), response.status()));
    page.on('requestfailed', (request) => record(request.url(), 0));
  });
  const body = Object.values(ways).map(({ url, html }) => html.replaceAll('URL', url)).join('');
  await page.goto(`${other}/?body=${encodeURIComponent(body)}`, { waitUntil: 'commit' });
  await done;
  return { statuses };
});
