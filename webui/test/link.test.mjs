import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Link } from '../assets/link.js';
import { FakeSocket, frameBytes } from './fakesocket.mjs';

const real = globalThis.WebSocket;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  FakeSocket.all = [];
  globalThis.WebSocket = /** @type {any} */ (FakeSocket);
});

afterEach(() => {
  mock.timers.reset();
  globalThis.WebSocket = real;
});

/** A sink that notes what it is told. */
function sink() {
  /** @type {any[]} */
  const notes = [];
  return {
    notes,
    onWatching: (/** @type {any} */ info) => notes.push(['watching', info.slot]),
    onFrame: (/** @type {any} */ frame) => notes.push(['frame', frame.payload[0]]),
    onQuiet: (/** @type {string} */ reason) => notes.push(['quiet', reason]),
    onEnded: (/** @type {any} */ problem) => notes.push(['ended', problem && problem.status]),
  };
}

const newLink = (at = 'https://example.net/bramble/') => new Link(new URL(at));
const porch = /** @type {const} */ ({ camera: 'porch', kind: 'jpeg', width: 320 });
const slots = (/** @type {FakeSocket} */ socket) => socket.ops('watch').map((w) => w.slot);

test('it connects below the root, when it is needed, with the subprotocol', () => {
  const link = newLink();
  assert.equal(FakeSocket.all.length, 0);
  link.watch(porch, sink());
  assert.equal(FakeSocket.last.url, 'wss://example.net/bramble/ws');
  assert.deepEqual(FakeSocket.last.protocols, ['bramble.v1']);
  assert.deepEqual(FakeSocket.last.heard, [], 'nothing is said before hello');
  FakeSocket.last.hello();
  assert.deepEqual(FakeSocket.last.ops('watch'), [{ op: 'watch', slot: 1, ...porch }]);
});

test('frames reach their sink, and acknowledgements count since the watch', () => {
  const link = newLink();
  const [a, b] = [sink(), sink()];
  const watch = link.watch(porch, a);
  FakeSocket.last.hello();
  link.watch({ ...porch, camera: 'gate' }, b);
  FakeSocket.last.say({ op: 'watching', slot: 1, kind: 'jpeg', camera: 'porch', width: 320, height: 180 });
  FakeSocket.last.say(frameBytes({ slot: 1, payload: [11, 0] }));
  FakeSocket.last.say(frameBytes({ slot: 2, payload: [21] }));
  FakeSocket.last.say(frameBytes({ slot: 1, payload: [12] }));
  FakeSocket.last.say(frameBytes({ slot: 9, payload: [91] }));
  assert.deepEqual(a.notes, [['watching', 1], ['frame', 11], ['frame', 12]]);
  assert.deepEqual(b.notes, [['frame', 21]]);
  for (let i = 0; i < 3; i++) watch.ack();
  assert.deepEqual(FakeSocket.last.acks, [[1, 1], [1, 2]], 'never more than have come');
  assert.deepEqual(watch.stats, { frames: 2, bytes: 3 });
});

test('a stopped watch says so, and hears nothing more', () => {
  const link = newLink();
  const a = sink();
  const watch = link.watch(porch, a);
  FakeSocket.last.hello();
  FakeSocket.last.say(frameBytes({ payload: [1] }));
  watch.stop();
  watch.stop();
  FakeSocket.last.say(frameBytes({ payload: [2] }));
  watch.ack();
  FakeSocket.last.say({ op: 'ended', slot: 1 });
  assert.deepEqual(a.notes, [['frame', 1]]);
  assert.deepEqual(FakeSocket.last.acks, []);
  assert.deepEqual(FakeSocket.last.ops('unwatch'), [{ op: 'unwatch', slot: 1 }]);
  mock.timers.tick(30_000);
  assert.ok(FakeSocket.last.closed, 'a link that nobody uses closes');
  link.watch(porch, a);
  assert.equal(FakeSocket.all.length, 2);
});

test('it reconnects, watches again under new slots, and counts from 0', () => {
  const link = newLink();
  const a = sink();
  const watch = link.watch(porch, a);
  const first = FakeSocket.last;
  first.hello();
  first.say(frameBytes({ payload: [1] }));
  first.die();
  watch.ack(); // of a frame that was being drawn
  mock.timers.tick(320);
  assert.equal(FakeSocket.all.length, 2, 'the first retry comes within 250 ms and a bit');
  FakeSocket.last.hello();
  assert.deepEqual(slots(FakeSocket.last), [2]);
  FakeSocket.last.say(frameBytes({ slot: 1, payload: [9] }));
  FakeSocket.last.say(frameBytes({ slot: 2, payload: [2] }));
  first.say(frameBytes({ slot: 2, payload: [8] }));
  watch.ack();
  assert.deepEqual(FakeSocket.last.acks, [[2, 1]]);
  assert.deepEqual(a.notes, [['frame', 1], ['frame', 2]], 'a short loss goes without a word');
});

test('a hub that stays away is lost after a second, and retried at least every 5 s', () => {
  const link = newLink();
  const a = sink();
  /** @type {any[]} */
  const rosters = [];
  link.watch(porch, a);
  link.onRoster((list) => rosters.push(list && list.length));
  FakeSocket.last.hello();
  FakeSocket.last.say({ op: 'roster', all: true, cameras: [{ id: 'porch' }], gone: [] });
  FakeSocket.last.die();
  mock.timers.tick(999);
  assert.deepEqual(rosters, [1]);
  mock.timers.tick(1);
  assert.deepEqual(rosters, [1, null]);
  assert.deepEqual(a.notes, [['ended', 0]]);
  for (let i = 0; i < 10; i++) {
    const before = FakeSocket.all.length;
    FakeSocket.last.die();
    mock.timers.tick(5000);
    assert.ok(FakeSocket.all.length > before, `retry ${i} comes within 5 s`);
  }
  assert.deepEqual(rosters, [1, null], 'it is lost only once');
  FakeSocket.last.hello();
  assert.deepEqual(FakeSocket.last.ops('roster').length, 1);
  assert.equal(slots(FakeSocket.last).length, 1);
});

test('a connection that falls silent is asked, mistrusted and given up', () => {
  const link = newLink();
  const a = sink();
  link.watch(porch, a);
  const socket = FakeSocket.last;
  socket.hello();
  const asked = socket.ops('ping').length;
  mock.timers.tick(2000);
  assert.ok(socket.ops('ping').length > asked);
  socket.say({ op: 'pong', t: 0, now: 0 });
  mock.timers.tick(3000);
  assert.deepEqual(a.notes, []);
  mock.timers.tick(1000);
  assert.deepEqual(a.notes, [['quiet', 'No word from the hub.']]);
  mock.timers.tick(3000);
  assert.ok(socket.closed);
  mock.timers.tick(320);
  assert.ok(FakeSocket.all.length > 1);
});

test('the roster is merged, sorted, and given whole', () => {
  const link = newLink();
  /** @type {string[][]} */
  const seen = [];
  const end = link.onRoster((list) => seen.push((list ?? []).map((c) => `${c.id}:${c.fps}`)));
  FakeSocket.last.hello();
  FakeSocket.last.say({ op: 'roster', all: true, cameras: [{ id: 'b', fps: 1 }, { id: 'a', fps: 1 }], gone: [] });
  FakeSocket.last.say({ op: 'roster', all: false, cameras: [{ id: 'b', fps: 2 }, { id: 'c', fps: 3 }], gone: ['a'] });
  FakeSocket.last.say({ op: 'roster', all: true, cameras: [{ id: 'd', fps: 4 }], gone: [] });
  assert.deepEqual(seen, [['a:1', 'b:1'], ['b:2', 'c:3'], ['d:4']]);
  end();
  /** @type {any} */
  let late;
  link.onRoster((list) => { late = list; });
  assert.equal(late.length, 1, 'who comes later is told at once');
});

test('what the hub ended is asked for again, not before it wants, until it is stopped', () => {
  const link = newLink();
  const a = sink();
  const watch = link.watch(porch, a);
  FakeSocket.last.hello();
  FakeSocket.last.say({ op: 'ended', slot: 1, error: { status: 503, retry_after: 3 } });
  assert.deepEqual(a.notes, [['ended', 503]]);
  mock.timers.tick(2999);
  assert.deepEqual(slots(FakeSocket.last), [1]);
  mock.timers.tick(751);
  assert.deepEqual(slots(FakeSocket.last), [1, 2]);
  FakeSocket.last.say({ op: 'ended', slot: 2, error: { status: 503 } });
  mock.timers.tick(999);
  assert.equal(slots(FakeSocket.last).length, 2, 'each failure makes it more patient');
  mock.timers.tick(251);
  assert.equal(slots(FakeSocket.last).length, 3);
  FakeSocket.last.say({ op: 'ended', slot: 3, error: { status: 503 } });
  watch.stop();
  mock.timers.tick(20_000);
  assert.equal(slots(FakeSocket.last).length, 3);
});

test('a request that the hub does not understand is not repeated', () => {
  newLink().watch(porch, sink());
  FakeSocket.last.hello();
  FakeSocket.last.say({ op: 'ended', slot: 1, error: { status: 400 } });
  for (let i = 0; i < 10; i++) {
    mock.timers.tick(1000);
    FakeSocket.last.say({ op: 'pong', t: 0, now: 0 });
  }
  assert.deepEqual(slots(FakeSocket.last), [1]);
});

test('a hidden page watches nothing at once, and lets go after 30 s', () => {
  const link = newLink();
  const a = sink();
  link.watch(porch, a);
  const socket = FakeSocket.last;
  socket.hello();
  link.suspend();
  assert.deepEqual(socket.ops('unwatch'), [{ op: 'unwatch', slot: 1 }]);
  assert.deepEqual(a.notes, [['ended', null]]);
  link.resume();
  assert.deepEqual(slots(socket), [1, 2], 'the connection is still there');
  link.suspend();
  for (let i = 0; i < 30; i++) {
    socket.say({ op: 'pong', t: 0, now: 0 });
    mock.timers.tick(1000);
  }
  assert.ok(socket.closed);
  socket.die();
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1, 'nobody reconnects for a page that nobody sees');
  link.resume();
  FakeSocket.last.hello();
  assert.deepEqual(slots(FakeSocket.last), [3]);
});

test('the hub\'s clock comes from the answer with the shortest way', () => {
  const clock = mock.method(performance, 'now', () => 1000);
  const link = newLink();
  link.watch(porch, sink());
  const say = (/** @type {number} */ at, /** @type {object} */ message) => {
    clock.mock.mockImplementation(() => at);
    FakeSocket.last.say(message);
  };
  say(1000, { op: 'hello', now: 5_000_000 });
  assert.equal(link.hubNow(), 5000);
  say(1200, { op: 'pong', t: 1000, now: 6_000_000 }); // 200 ms on the way: now is 6000 + 100
  assert.equal(link.hubNow(), 6100);
  say(1210, { op: 'pong', t: 1200, now: 6_200_000 }); // 10 ms: better
  assert.equal(link.hubNow(), 6205);
  say(1400, { op: 'pong', t: 1210, now: 9_000_000 });
  assert.equal(link.hubNow(), 6395);
  for (let i = 0; i < 8; i++) say(2100, { op: 'pong', t: 2000, now: 10_000_000 });
  assert.equal(link.hubNow(), 10_050, 'what is long ago no longer counts');
  assert.ok(FakeSocket.last.ops('ping').length <= 5, 'five pings at first');
  clock.mock.restore();
});
