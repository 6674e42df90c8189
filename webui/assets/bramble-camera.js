// The custom element <bramble-camera>: a live picture in any page. The comment of BrambleCamera is its public API.
import { connectionTo } from './hub/connection.js';
import { root, signedQuery } from './hub/urls.js';
import { JPEGPlayer } from './player/jpeg-player.js';
import { WIDTHS } from './player/stream-options.js';
import { VideoPlayer } from './player/video-player.js';

/**
 * @typedef {import('./hub/protocol.js').Camera} Camera
 * @typedef {import('./hub/connection.js').HubConnection} HubConnection
 * @typedef {import('./player/player.js').Player} Player
 */

/**
 * The state of the element.
 * - `connecting`: no picture has come yet, or the element is not on the screen.
 * - `live`: the picture is shown.
 * - `trouble`: no picture comes. The text says why; the element goes on trying.
 * - `blocked`: the browser plays the video only after a click on the element's button.
 * - `paused`: the page is hidden.
 *
 * @typedef {'connecting' | 'live' | 'trouble' | 'blocked' | 'paused'} PictureState
 */

/**
 * The detail of a `state` event.
 *
 * @typedef {object} StateDetail
 * @property {PictureState} state The new state.
 * @property {string} text What the element shows over the picture; empty while it is live.
 */

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: block; position: relative; aspect-ratio: 16 / 9; overflow: hidden; background: #16181a; }
  :host([hidden]) { display: none; }
  canvas, video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
  .note { position: absolute; inset: 0; display: grid; place-content: center; gap: 0.5em; padding: 0.5em;
    background: rgb(22 24 26 / 75%); color: #f4f4f2; font: 0.9rem/1.4 system-ui, sans-serif; text-align: center;
    overflow-wrap: anywhere; }
  .note[hidden], button[hidden] { display: none; }
  button { font: inherit; padding: 0.4em 1.2em; justify-self: center; cursor: pointer; }
`);

/**
 * The width to request of the hub.
 * @param {number} pixels that the picture has on the screen
 * @returns {number} 0 for the camera's own
 */
export function widthFor(pixels) {
  return WIDTHS.find((width) => width >= pixels) ?? 0;
}

/**
 * A live picture of one camera.
 *
 *     <script type="module" src="HUB/bramble-camera.js"></script>
 *     <bramble-camera camera="porch"></bramble-camera>
 *
 * HUB is the URL of the hub.
 *
 * Attributes, all of which may change at any time:
 * - `camera`: id of the camera. Without it the element shows nothing.
 * - `src`: URL of the hub's root. The default is the hub from which this module was loaded.
 * - `kind`: `jpeg`, `mp4` or `auto` (default). `auto` plays H.264 cameras as video and all others as JPEGs. Where the
 *   browser cannot play the video, the element shows JPEGs.
 * - `width`: width in pixels to request of the hub. The default is what the element's size on the screen needs, for
 *   JPEGs, and the camera's own width for video.
 * - `link`: the value of a signed link's parameter `link`, for a hub that requires a login.
 *
 * Property: `state`, a {@link PictureState}.
 *
 * Event: `state`, a CustomEvent with a {@link StateDetail}, fired when the state or the text changes. It does not
 * bubble.
 *
 * The element streams only while it is connected, on the screen, and its page is visible. All elements of a page share
 * one WebSocket to a hub. The hub must allow the page's origin (`--allow-origin`) unless the page is its own. The
 * element's size is that of a block with an aspect ratio of 16:9; the page's style may set another.
 */
export class BrambleCamera extends HTMLElement {
  static observedAttributes = ['camera', 'src', 'kind', 'width', 'link'];

  #internals = this.attachInternals();
  #shadow = this.attachShadow({ mode: 'open' });
  #note = document.createElement('div');
  #text = document.createElement('span');
  #button = document.createElement('button');
  #intersection = new IntersectionObserver((entries) => {
    this.#onScreen = entries.at(-1)?.isIntersecting ?? false;
    this.#update();
  });
  #resize = new ResizeObserver(() => this.#updateWidth());
  #onScreen = false;
  /** @type {HubConnection | null} */
  #connection = null;
  #removeListener = () => {};
  /** The kind that auto chose, once the hub has said what the camera delivers. @type {'jpeg' | 'mp4' | ''} */
  #autoKind = '';
  #unplayable = false;
  /** @type {Player | null} */
  #player = null;
  #playingKind = '';
  #width = 0;
  /** @type {PictureState} */
  #state = 'connecting';

  constructor() {
    super();
    this.#shadow.adoptedStyleSheets = [sheet];
    this.#internals.role = 'group';
    this.#note.className = 'note';
    this.#note.setAttribute('role', 'status');
    this.#button.type = 'button';
    this.#button.textContent = 'Play';
    this.#button.addEventListener('click', () => this.#player?.resume());
    this.#note.append(this.#text, this.#button);
    this.#shadow.append(this.#note);
    this.#show('connecting', 'Connecting');
  }

  /** @returns {PictureState} */
  get state() {
    return this.#state;
  }

  connectedCallback() {
    this.#intersection.observe(this);
    this.#resize.observe(this);
  }

  disconnectedCallback() {
    this.#intersection.disconnect();
    this.#resize.disconnect();
    this.#onScreen = false;
    this.#update();
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (name === 'camera') this.#internals.ariaLabel = `Camera ${this.getAttribute('camera') ?? ''}`;
    if (name === 'width') return this.#updateWidth();
    this.#unplayable = false;
    this.#stop();
    this.#update();
  }

  /** Plays what the attributes say while the element is on the screen, and nothing otherwise. */
  #update() {
    const camera = this.getAttribute('camera');
    if (!this.#onScreen || !camera) return this.#stop();
    this.#connection ??= this.#connect();
    const kind = this.#kind();
    if (!this.#connection || !kind || kind === this.#playingKind) return;
    this.#stopPlayer();
    this.#playingKind = kind;
    this.#width = this.#requestedWidth();
    const PlayerClass = kind === 'mp4' ? VideoPlayer : JPEGPlayer;
    this.#player = new PlayerClass(this.#connection, camera, this.#options(), {
      onPicture: () => this.#show('live', ''),
      onError: (reason) => this.#show(reason ? 'trouble' : 'paused', reason),
      onBlocked: () => this.#show('blocked', 'The browser plays this video after a click.'),
      onUnplayable: () => { this.#unplayable = true; this.#update(); },
    });
    this.#shadow.prepend(this.#player.element);
  }

  #connect() {
    const src = this.getAttribute('src') ?? root.href;
    const hub = URL.canParse(src, document.baseURI) ? new URL(src, document.baseURI) : null;
    if (!hub || !/^https?:$/.test(hub.protocol)) {
      this.#show('trouble', `${src} is not a hub. A hub's address begins with http:// or https://.`);
      return null;
    }
    if (!hub.pathname.endsWith('/')) hub.pathname += '/';
    this.#show('connecting', 'Connecting');
    const connection = connectionTo(hub, signedQuery(this.getAttribute('camera') ?? '', this.getAttribute('link')));
    if (this.#requestedKind() === 'auto') {
      this.#removeListener = connection.onCameras((cameras) => this.#onCameras(connection, cameras));
    }
    return connection;
  }

  /**
   * @param {HubConnection} connection
   * @param {Camera[] | null} cameras
   */
  #onCameras(connection, cameras) {
    const id = this.getAttribute('camera');
    const camera = cameras?.find((c) => c.id === id);
    if (camera) this.#autoKind = camera.format === 'h264' && camera.formats.includes('mp4') ? 'mp4' : 'jpeg';
    else if (!this.#player) this.#show('trouble', cameras ? `The hub has no camera ${id}.` : connection.lostReason);
    if (this.#connection && camera) this.#update();
    else if (camera) queueMicrotask(() => this.#update()); // Called by onCameras itself, before #connection is set.
  }

  #requestedKind() {
    const kind = this.getAttribute('kind');
    return kind === 'jpeg' || kind === 'mp4' ? kind : 'auto';
  }

  #kind() {
    const requested = this.#requestedKind();
    const kind = requested === 'auto' ? this.#autoKind : requested;
    return kind === 'mp4' && (this.#unplayable || !VideoPlayer.isSupported) ? 'jpeg' : kind;
  }

  #stopPlayer() {
    this.#player?.stop();
    this.#player?.element.remove();
    this.#player = null;
    this.#playingKind = '';
  }

  #stop() {
    this.#stopPlayer();
    this.#removeListener();
    this.#removeListener = () => {};
    this.#connection = null;
    this.#autoKind = '';
    this.#show('connecting', 'Connecting');
  }

  #updateWidth() {
    const width = this.#requestedWidth();
    if (width === this.#width) return;
    this.#width = width;
    this.#player?.change(this.#options());
  }

  #options() {
    return this.#width ? { width: this.#width } : {};
  }

  /**
   * By default only JPEGs are resized: a smaller video would cost the hub an encoder, a smaller JPEG next to nothing.
   */
  #requestedWidth() {
    const attribute = Number(this.getAttribute('width'));
    if (attribute > 0) return Math.round(attribute);
    return this.#playingKind === 'mp4' ? 0 : widthFor(this.clientWidth * devicePixelRatio);
  }

  /**
   * @param {PictureState} state
   * @param {string} text
   */
  #show(state, text) {
    if (state === this.#state && text === this.#text.textContent) return;
    this.#state = state;
    this.#text.textContent = text;
    this.#button.hidden = state !== 'blocked';
    this.#note.hidden = state === 'live';
    /** @type {StateDetail} */
    const detail = { state, text };
    this.dispatchEvent(new CustomEvent('state', { detail }));
  }
}

if (!customElements.get('bramble-camera')) customElements.define('bramble-camera', BrambleCamera);
