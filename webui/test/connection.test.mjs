import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { HubConnection } from '../assets/hub/connection.js';
import { FakeSocket, frameBytes } from './fakesocket.mjs';

const RealWebSocket = globalThis.WebSocket;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  FakeSocket.all = [];
  globalThis.WebSocket = /** @type {any} */ (FakeSocket);
});

afterEach(() => {
  mock.timers.reset();
  globalThis.WebSocket = RealWebSocket;
});

/** A handler that records its calls. */
function handler() {
  /** @type {any[]} */
  const calls = [];
  return {
    calls,
    onWatching: (/** @type {any} */ info) => calls.push(['watching', info.slot]),
    onFrame: (/** @type {any} */ frame) => calls.push(['frame', frame.payload[0]]),
    onQuiet: (/** @type {string} */ reason) => calls.push(['quiet', reason]),
    onEnded: (/** @type {any} */ problem) => calls.push(['ended', problem && problem.status]),
  };
}

const newConnection = (at = 'https://example.net/bramble/') => new HubConnection(new URL(at));
const porch = /** @type {const} */ ({ camera: 'porch', kind: 'jpeg', width: 320 });
const slots = (/** @type {FakeSocket} */ socket) => socket.ops('watch').map((w) => w.slot);

test('it connects below the root, at the first use, with the subprotocol', () => {
  const connection = newConnection();
  assert.equal(FakeSocket.all.length, 0);
  connection.subscribe(porch, handler());
  assert.equal(FakeSocket.last.url, 'wss://example.net/bramble/ws');
  assert.deepEqual(FakeSocket.last.protocols, ['bramble.v1']);
  assert.deepEqual(FakeSocket.last.sent, [], 'nothing is sent before hello');
  FakeSocket.last.hello();
  assert.deepEqual(FakeSocket.last.ops('watch'), [{ op: 'watch', slot: 1, ...porch }]);
});

test('frames reach their handler, and acknowledgements count from the watch', () => {
  const connection = newConnection();
  const [a, b] = [handler(), handler()];
  const subscription = connection.subscribe(porch, a);
  FakeSocket.last.hello();
  connection.subscribe({ ...porch, camera: 'gate' }, b);
  FakeSocket.last.receive({ op: 'watching', slot: 1, kind: 'jpeg', camera: 'porch', width: 320, height: 180 });
  FakeSocket.last.receive(frameBytes({ slot: 1, payload: [11, 0] }));
  FakeSocket.last.receive(frameBytes({ slot: 2, payload: [21] }));
  FakeSocket.last.receive(frameBytes({ slot: 1, payload: [12] }));
  FakeSocket.last.receive(frameBytes({ slot: 9, payload: [91] }));
  assert.deepEqual(a.calls, [['watching', 1], ['frame', 11], ['frame', 12]]);
  assert.deepEqual(b.calls, [['frame', 21]]);
  for (let i = 0; i < 3; i++) subscription.ack();
  assert.deepEqual(FakeSocket.last.acks, [[1, 1], [1, 2]], 'never more than were received');
  assert.deepEqual(subscription.stats, { frames: 2, bytes: 3 });
});

test('a stopped subscription sends unwatch, and receives nothing more', () => {
  const connection = newConnection();
  const a = handler();
  const subscription = connection.subscribe(porch, a);
  FakeSocket.last.hello();
  FakeSocket.last.receive(frameBytes({ payload: [1] }));
  subscription.stop();
  subscription.stop();
  FakeSocket.last.receive(frameBytes({ payload: [2] }));
  subscription.ack();
  FakeSocket.last.receive({ op: 'ended', slot: 1 });
  assert.deepEqual(a.calls, [['frame', 1]]);
  assert.deepEqual(FakeSocket.last.acks, []);
  assert.deepEqual(FakeSocket.last.ops('unwatch'), [{ op: 'unwatch', slot: 1 }]);
  mock.timers.tick(30_000);
  assert.ok(FakeSocket.last.closed, 'an unused connection closes');
  connection.subscribe(porch, a);
  assert.equal(FakeSocket.all.length, 2);
});

test('it reconnects, watches again in new slots, and counts from 0', () => {
  const connection = newConnection();
  const a = handler();
  const subscription = connection.subscribe(porch, a);
  const first = FakeSocket.last;
  first.hello();
  first.receive(frameBytes({ payload: [1] }));
  first.drop();
  subscription.ack(); // of a frame that was being drawn
  mock.timers.tick(320);
  assert.equal(FakeSocket.all.length, 2, 'the first retry comes within 250 ms and a bit');
  FakeSocket.last.hello();
  assert.deepEqual(slots(FakeSocket.last), [2]);
  FakeSocket.last.receive(frameBytes({ slot: 1, payload: [9] }));
  FakeSocket.last.receive(frameBytes({ slot: 2, payload: [2] }));
  first.receive(frameBytes({ slot: 2, payload: [8] }));
  subscription.ack();
  assert.deepEqual(FakeSocket.last.acks, [[2, 1]]);
  assert.deepEqual(a.calls, [['frame', 1], ['frame', 2]], 'a short outage is not reported');
});

test('a hub that stays away is lost after a second, and retried at least every 5 s', () => {
  const connection = newConnection();
  const a = handler();
  /** @type {any[]} */
  const counts = [];
  connection.subscribe(porch, a);
  connection.onCameras((list) => counts.push(list && list.length));
  FakeSocket.last.hello();
  FakeSocket.last.receive({ op: 'roster', all: true, cameras: [{ id: 'porch' }], gone: [] });
  FakeSocket.last.drop();
  mock.timers.tick(999);
  assert.deepEqual(counts, [1]);
  mock.timers.tick(1);
  assert.deepEqual(counts, [1, null]);
  assert.deepEqual(a.calls, [['ended', 0]]);
  for (let i = 0; i < 10; i++) {
    const before = FakeSocket.all.length;
    FakeSocket.last.drop();
    mock.timers.tick(5000);
    assert.ok(FakeSocket.all.length > before, `retry ${i} comes within 5 s`);
  }
  assert.deepEqual(counts, [1, null], 'it is lost only once');
  FakeSocket.last.hello();
  assert.deepEqual(FakeSocket.last.ops('roster').length, 1);
  assert.equal(slots(FakeSocket.last).length, 1);
});

test('a silent connection is pinged, then its pictures are stale, then it is closed', () => {
  const connection = newConnection();
  const a = handler();
  connection.subscribe(porch, a);
  const socket = FakeSocket.last;
  socket.hello();
  const asked = socket.ops('ping').length;
  mock.timers.tick(2000);
  assert.ok(socket.ops('ping').length > asked);
  socket.receive({ op: 'pong', t: 0, now: 0 });
  mock.timers.tick(3000);
  assert.deepEqual(a.calls, []);
  mock.timers.tick(1000);
  assert.deepEqual(a.calls, [['quiet', 'The hub sends nothing.']]);
  mock.timers.tick(3000);
  assert.ok(socket.closed);
  mock.timers.tick(320);
  assert.ok(FakeSocket.all.length > 1);
});

test('roster messages are merged; listeners get the whole list, sorted', () => {
  const connection = newConnection();
  /** @type {string[][]} */
  const seen = [];
  const end = connection.onCameras((list) => seen.push((list ?? []).map((c) => `${c.id}:${c.fps}`)));
  FakeSocket.last.hello();
  FakeSocket.last.receive({ op: 'roster', all: true, cameras: [{ id: 'b', fps: 1 }, { id: 'a', fps: 1 }], gone: [] });
  const changed = [{ id: 'b', fps: 2 }, { id: 'c', fps: 3 }];
  FakeSocket.last.receive({ op: 'roster', all: false, cameras: changed, gone: ['a'] });
  FakeSocket.last.receive({ op: 'roster', all: true, cameras: [{ id: 'd', fps: 4 }], gone: [] });
  assert.deepEqual(seen, [['a:1', 'b:1'], ['b:2', 'c:3'], ['d:4']]);
  end();
  /** @type {any} */
  let late;
  connection.onCameras((list) => { late = list; });
  assert.equal(late.length, 1, 'a later listener is called at once');
});

test('a stream that the hub ended is requested again, not before retry_after, until it is stopped', () => {
  const connection = newConnection();
  const a = handler();
  const subscription = connection.subscribe(porch, a);
  FakeSocket.last.hello();
  FakeSocket.last.receive({ op: 'ended', slot: 1, error: { status: 503, retry_after: 3 } });
  assert.deepEqual(a.calls, [['ended', 503]]);
  mock.timers.tick(2999);
  assert.deepEqual(slots(FakeSocket.last), [1]);
  mock.timers.tick(751);
  assert.deepEqual(slots(FakeSocket.last), [1, 2]);
  FakeSocket.last.receive({ op: 'ended', slot: 2, error: { status: 503 } });
  mock.timers.tick(999);
  assert.equal(slots(FakeSocket.last).length, 2, 'each failure makes the delay longer');
  mock.timers.tick(251);
  assert.equal(slots(FakeSocket.last).length, 3);
  FakeSocket.last.receive({ op: 'ended', slot: 3, error: { status: 503 } });
  subscription.stop();
  mock.timers.tick(20_000);
  assert.equal(slots(FakeSocket.last).length, 3);
});

test('a bad request is not repeated', () => {
  newConnection().subscribe(porch, handler());
  FakeSocket.last.hello();
  FakeSocket.last.receive({ op: 'ended', slot: 1, error: { status: 400 } });
  for (let i = 0; i < 10; i++) {
    mock.timers.tick(1000);
    FakeSocket.last.receive({ op: 'pong', t: 0, now: 0 });
  }
  assert.deepEqual(slots(FakeSocket.last), [1]);
});

test('a hidden page stops its streams at once, and closes the connection after 30 s', () => {
  const connection = newConnection();
  const a = handler();
  connection.subscribe(porch, a);
  const socket = FakeSocket.last;
  socket.hello();
  connection.suspend();
  assert.deepEqual(socket.ops('unwatch'), [{ op: 'unwatch', slot: 1 }]);
  assert.deepEqual(a.calls, [['ended', null]]);
  connection.resume();
  assert.deepEqual(slots(socket), [1, 2], 'the connection is still there');
  connection.suspend();
  for (let i = 0; i < 30; i++) {
    socket.receive({ op: 'pong', t: 0, now: 0 });
    mock.timers.tick(1000);
  }
  assert.ok(socket.closed);
  socket.drop();
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1, 'a hidden page does not reconnect');
  connection.resume();
  FakeSocket.last.hello();
  assert.deepEqual(slots(FakeSocket.last), [3]);
});

test('the hub\'s clock comes from the answer with the shortest round trip', () => {
  const clock = mock.method(performance, 'now', () => 1000);
  const connection = newConnection();
  connection.subscribe(porch, handler());
  const receiveAt = (/** @type {number} */ at, /** @type {object} */ message) => {
    clock.mock.mockImplementation(() => at);
    FakeSocket.last.receive(message);
  };
  receiveAt(1000, { op: 'hello', now: 5_000_000 });
  assert.equal(connection.hubNow(), 5000);
  receiveAt(1200, { op: 'pong', t: 1000, now: 6_000_000 }); // a round trip of 200 ms: now is 6000 + 100
  assert.equal(connection.hubNow(), 6100);
  receiveAt(1210, { op: 'pong', t: 1200, now: 6_200_000 }); // 10 ms: better
  assert.equal(connection.hubNow(), 6205);
  receiveAt(1400, { op: 'pong', t: 1210, now: 9_000_000 });
  assert.equal(connection.hubNow(), 6395);
  for (let i = 0; i < 8; i++) receiveAt(2100, { op: 'pong', t: 2000, now: 10_000_000 });
  assert.equal(connection.hubNow(), 10_050, 'old samples no longer count');
  assert.ok(FakeSocket.last.ops('ping').length <= 5, 'five pings at first');
  clock.mock.restore();
});
