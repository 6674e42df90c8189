// The picture of one camera: its player, what is on the screen, and whether that counts as live.
import { Freshness, gradeAge } from './freshness.js';
import { JPEGPlayer } from './jpeg-player.js';
import { chooseKind } from './stream-options.js';
import { VideoPlayer } from './video-player.js';

/**
 * @typedef {import('../hub/protocol.js').Camera} Camera
 * @typedef {import('../hub/connection.js').HubConnection} HubConnection
 * @typedef {import('./stream-options.js').StreamOptions} StreamOptions
 * @typedef {import('./stream-options.js').FormatChoice} FormatChoice
 * @typedef {import('./player.js').ShownPicture} ShownPicture
 * @typedef {import('./player.js').Player} Player
 * @typedef {import('./player.js').PlayerEvents} PlayerEvents
 * @typedef {{player: Player, options: StreamOptions}} ActivePlayer
 * @typedef {'live' | 'stale' | 'none'} PictureState
 * @typedef {{choice: FormatChoice, width: number, fps: number}} ViewRequest width and fps 0: the camera's own
 */

const SERVICE_UNAVAILABLE = 503;
/** A rendition that was refused is not requested again for this long. */
const REFUSED_RETRY_MS = 60_000;
/** A browser that could not play a video shows JPEGs for this long. The reason may have been a busy computer. */
const NO_VIDEO_MS = 300_000;

export class CameraView {
  element = document.createElement('div');
  /** Why no picture comes, in the player's or the hub's words. */
  error = '';
  /** Why the format that was requested last does not replace the picture, in the hub's words. */
  switchError = '';
  /** The browser plays only after a click. */
  blocked = false;
  #connection;
  #id;
  #onChange;
  /** @type {ActivePlayer | null} whose picture is shown */
  #current = null;
  /** @type {ActivePlayer | null} replaces the current one with its first picture, so that nothing flickers */
  #next = null;
  #freshness = new Freshness(0);
  /** When this browser may be given video again, after it could not play it. */
  #noVideoUntil = 0;
  /** When a rendition may be requested again, after one was refused. */
  #noRenditionUntil = 0;
  /** Whatever is shown does not count as live. */
  #markedStale = true;
  /** @type {Camera | null} */
  #camera = null;
  /** @type {ViewRequest | null} */
  #request = null;

  /**
   * @param {HubConnection} connection
   * @param {string} id
   * @param {() => void} onChange called when something that the tile shows has changed; not for each picture
   */
  constructor(connection, id, onChange) {
    this.#connection = connection;
    this.#id = id;
    this.#onChange = onChange;
    this.element.className = 'picture';
  }

  /** @returns {'jpeg' | 'mp4' | ''} */
  get kind() {
    return this.#current?.options.kind ?? '';
  }

  get running() {
    return this.#current !== null;
  }

  /**
   * @param {number} now
   * @param {Camera} camera
   * @returns {PictureState}
   */
  pictureState(now, camera) {
    if (!this.#current || !this.#freshness.hasPicture) return 'none';
    return this.#markedStale || this.#freshness.isStale(now, camera.fps) ? 'stale' : 'live';
  }

  /**
   * @param {number} now
   * @returns {{fps: number, age: number, grade: import('./freshness.js').AgeGrade, sinceLast: number}}
   */
  stats(now) {
    const age = this.#freshness.age(now);
    return { fps: this.#freshness.fps(now), age, grade: gradeAge(age), sinceLast: this.#freshness.sinceLast(now) };
  }

  /**
   * Shows the camera in the requested format if the hub has it and the browser plays it, else in the other one.
   * @param {Camera} camera
   * @param {ViewRequest} request
   */
  show(camera, request) {
    this.#camera = camera;
    this.#request = request;
    const kind = chooseKind(camera, request.choice, performance.now() >= this.#noVideoUntil);
    if (!kind) return this.stop();
    const resize = kind === 'jpeg' && performance.now() > this.#noRenditionUntil;
    this.#play({ kind, width: resize ? request.width : 0, fps: kind === 'jpeg' ? request.fps : 0 });
  }

  /** Removes the picture. The hub sends nothing more. */
  stop() {
    for (const active of [this.#current, this.#next]) if (active) endPlayer(active);
    this.#current = null;
    this.#next = null;
    this.error = '';
    this.switchError = '';
    this.blocked = false;
  }

  /** Marks the picture as not live until a new one comes. */
  markStale() {
    this.#markedStale = true;
  }

  /** Plays after the browser refused to. It must be called from a click. */
  resume() {
    (this.#next ?? this.#current)?.player.resume();
  }

  /**
   * @param {StreamOptions} options
   * @returns {void}
   */
  #play(options) {
    const newest = this.#next ?? this.#current;
    if (newest && newest.options.kind === options.kind) {
      const { width, fps } = options;
      if (newest.options.width !== width || newest.options.fps !== fps) newest.player.change({ width, fps });
      newest.options = options;
      return;
    }
    if (this.#next) endPlayer(this.#next);
    this.#next = null;
    this.switchError = '';
    if (this.#current?.options.kind === options.kind) return this.#play(options); // Back to the kind that is shown.
    const active = { options, player: this.#createPlayer(options) };
    this.element.append(active.player.element);
    if (this.#current) {
      this.#next = active;
      return;
    }
    this.#current = active;
    this.#freshness = new Freshness(performance.now());
    this.#markedStale = true;
    this.#onChange();
  }

  /**
   * @param {StreamOptions} options
   * @returns {Player}
   */
  #createPlayer({ kind, width, fps }) {
    const self = () => [this.#current, this.#next].find((active) => active?.player === player) ?? null;
    /** @type {PlayerEvents} */
    const events = {
      onPicture: (picture) => { const active = self(); if (active) this.#onPicture(active, picture); },
      onError: (reason, status) => { const active = self(); if (active) this.#onError(active, reason, status ?? 0); },
      onBlocked: () => { this.blocked = true; this.#onChange(); },
      onUnplayable: (reason) => this.#onUnplayable(reason),
    };
    /** @type {Player} */
    const player = kind === 'mp4'
      ? new VideoPlayer(this.#connection, this.#id, { width }, events)
      : new JPEGPlayer(this.#connection, this.#id, { width, fps }, events);
    return player;
  }

  /**
   * @param {ActivePlayer} active
   * @param {ShownPicture} picture
   */
  #onPicture(active, { arrived, shownAt }) {
    if (active === this.#next) {
      if (this.#current) endPlayer(this.#current);
      this.#current = active;
      this.#next = null;
      this.switchError = '';
    }
    const changed = this.#markedStale || !this.#freshness.hasPicture || this.error !== '' || this.blocked;
    this.#freshness.addPicture(performance.now(), Math.max(0, shownAt - arrived));
    this.#markedStale = false;
    this.error = '';
    this.blocked = false;
    if (changed) this.#onChange();
  }

  /**
   * An error does not make the picture stale; its age does. A camera of one frame a second is quiet for a second each
   * time.
   * @param {ActivePlayer} active
   * @param {string} reason
   * @param {number} status of the hub's problem, or 0
   */
  #onError(active, reason, status) {
    if (status === SERVICE_UNAVAILABLE && active.options.width) {
      this.#noRenditionUntil = performance.now() + REFUSED_RETRY_MS;
      return this.#play({ ...active.options, width: 0 });
    }
    if (active === this.#current) this.error = reason;
    else this.switchError = reason; // The picture that is shown is as good as before.
    this.#onChange();
  }

  /** @param {string} reason */
  #onUnplayable(reason) {
    this.#noVideoUntil = performance.now() + NO_VIDEO_MS;
    if (this.#request && this.#camera && chooseKind(this.#camera, this.#request.choice, false)) {
      return this.show(this.#camera, this.#request);
    }
    this.error = reason;
    this.#onChange();
  }
}

/** @param {ActivePlayer} active */
function endPlayer({ player }) {
  player.stop();
  player.element.remove();
}
