// What is on the screen for one camera: a player, what it shows, and whether that can be believed.
import { JPEGPlayer } from './player-jpeg.js';
import { VideoPlayer } from './player-video.js';
import { Pulse, grade } from './pulse.js';
import { wishedKind } from './wish.js';

/**
 * @typedef {import('./api.js').Camera} Camera
 * @typedef {import('./link.js').Link} Link
 * @typedef {import('./wish.js').Wish} Wish
 * @typedef {import('./wish.js').Choice} Choice
 * @typedef {import('./player.js').Shown} Shown
 * @typedef {import('./player.js').Player} Player
 * @typedef {import('./player.js').PlayerEvents} PlayerEvents
 * @typedef {{player: Player, wish: Wish}} Run
 * @typedef {{choice: Choice, width: number, fps: number}} Request width and fps 0: the camera's own
 */

/** A rendition that was refused is not asked for again for so long. */
const SULK_MS = 60_000;
/** A browser that could not play a video gets pictures for so long. The reason may have been a busy computer. */
const NO_VIDEO_MS = 300_000;

export class Screen {
  element = document.createElement('div');
  /** Why nothing is live, in the player's or the hub's words. */
  trouble = '';
  /** Why what was asked for last does not take over from the picture that is shown, in the hub's words. */
  refusal = '';
  /** The browser plays only after a click. */
  blocked = false;
  #link;
  #id;
  #onChange;
  /** @type {Run | null} whose picture is shown */
  #run = null;
  /** @type {Run | null} takes over with its first picture, so that nothing flickers */
  #next = null;
  #pulse = new Pulse(0);
  /** When this browser may be given video again, after it could not play it. */
  #noVideoUntil = 0;
  #noWidthUntil = 0;
  #distrusted = true;
  /** @type {Camera | null} */
  #camera = null;
  /** @type {Request | null} */
  #request = null;

  /**
   * @param {Link} link
   * @param {string} id
   * @param {() => void} onChange something that the tile says is different now; not for each picture
   */
  constructor(link, id, onChange) {
    this.#link = link;
    this.#id = id;
    this.#onChange = onChange;
    this.element.className = 'picture';
  }

  /** @returns {'jpeg' | 'mp4' | ''} */
  get kind() {
    return this.#run?.wish.kind ?? '';
  }

  get running() {
    return this.#run !== null;
  }

  /**
   * @param {number} now
   * @param {Camera} camera
   * @returns {'live' | 'stale' | 'none'}
   */
  picture(now, camera) {
    if (!this.#run || !this.#pulse.any) return 'none';
    return this.#distrusted || this.#pulse.isStale(now, camera.fps) ? 'stale' : 'live';
  }

  /** @param {number} now @returns {{fps: number, age: number, grade: import('./pulse.js').Grade, silence: number}} */
  facts(now) {
    const age = this.#pulse.age(now);
    return { fps: this.#pulse.fps(now), age, grade: grade(age), silence: this.#pulse.silence(now) };
  }

  /**
   * Shows the camera in the form that was asked for, if it can be had, else in another.
   * @param {Camera} camera
   * @param {Request} request
   */
  show(camera, request) {
    this.#camera = camera;
    this.#request = request;
    const kind = wishedKind(camera, request.choice, performance.now() >= this.#noVideoUntil);
    if (!kind) return this.stop();
    const sized = kind === 'jpeg' && performance.now() > this.#noWidthUntil;
    this.#start({ kind, width: sized ? request.width : 0, fps: kind === 'jpeg' ? request.fps : 0 });
  }

  /** Takes the picture away; the hub sends nothing more. */
  stop() {
    for (const run of [this.#run, this.#next]) if (run) end(run);
    this.#run = null;
    this.#next = null;
    this.trouble = '';
    this.refusal = '';
    this.blocked = false;
  }

  /** What is shown is not live until a new picture comes. */
  distrust() {
    this.#distrusted = true;
  }

  /** Plays after the browser refused to; to be called from a click. */
  resume() {
    (this.#next ?? this.#run)?.player.resume();
  }

  /**
   * @param {Wish} wish
   * @returns {void}
   */
  #start(wish) {
    const newest = this.#next ?? this.#run;
    if (newest && newest.wish.kind === wish.kind) {
      const { width, fps } = wish;
      if (newest.wish.width !== width || newest.wish.fps !== fps) newest.player.change({ width, fps });
      newest.wish = wish;
      return;
    }
    if (this.#next) end(this.#next);
    this.#next = null;
    this.refusal = '';
    if (this.#run?.wish.kind === wish.kind) return this.#start(wish); // Changed its mind.
    const run = { wish, player: this.#make(wish) };
    this.element.append(run.player.element);
    if (this.#run) {
      this.#next = run;
      return;
    }
    this.#run = run;
    this.#pulse = new Pulse(performance.now());
    this.#distrusted = true;
    this.#onChange();
  }

  /**
   * @param {Wish} wish
   * @returns {Player}
   */
  #make({ kind, width, fps }) {
    const mine = () => [this.#run, this.#next].find((run) => run?.player === player) ?? null;
    /** @type {PlayerEvents} */
    const events = {
      onPicture: (shown) => { const run = mine(); if (run) this.#shown(run, shown); },
      onTrouble: (why, status) => { const run = mine(); if (run) this.#troubled(run, why, status ?? 0); },
      onBlocked: () => { this.blocked = true; this.#onChange(); },
      onUnplayable: (why) => this.#unplayable(why),
    };
    /** @type {Player} */
    const player = kind === 'mp4'
      ? new VideoPlayer(this.#link, this.#id, { width }, events)
      : new JPEGPlayer(this.#link, this.#id, { width, fps }, events);
    return player;
  }

  /**
   * @param {Run} run
   * @param {Shown} shown
   */
  #shown(run, { arrived, shownAt }) {
    if (run === this.#next) {
      if (this.#run) end(this.#run);
      this.#run = run;
      this.#next = null;
      this.refusal = '';
    }
    const news = this.#distrusted || !this.#pulse.any || this.trouble !== '' || this.blocked;
    this.#pulse.beat(performance.now(), Math.max(0, shownAt - arrived));
    this.#distrusted = false;
    this.trouble = '';
    this.blocked = false;
    if (news) this.#onChange();
  }

  /**
   * Whether the picture is stale then, its age tells: a camera of one frame a second is quiet for a second each time.
   * @param {Run} run
   * @param {string} why
   * @param {number} status of the hub's problem, or 0
   */
  #troubled(run, why, status) {
    if (status === 503 && run.wish.width) {
      this.#noWidthUntil = performance.now() + SULK_MS;
      return this.#start({ ...run.wish, width: 0 });
    }
    if (run === this.#run) this.trouble = why;
    else this.refusal = why; // What is shown is as good as before.
    this.#onChange();
  }

  /** @param {string} why */
  #unplayable(why) {
    this.#noVideoUntil = performance.now() + NO_VIDEO_MS;
    if (this.#request && this.#camera && wishedKind(this.#camera, this.#request.choice, false)) return this.show(this.#camera, this.#request);
    this.trouble = why;
    this.#onChange();
  }
}

/** @param {Run} run */
function end({ player }) {
  player.stop();
  player.element.remove();
}
