// <bramble-camera camera="porch">: a live picture in anybody's page.
import { linkTo } from './link.js';
import { JPEGPlayer } from './player-jpeg.js';
import { VideoPlayer } from './player-video.js';
import { root, signedQuery } from './root.js';
import { WIDTHS } from './wish.js';

/**
 * @typedef {import('./player.js').Player} Player
 * @typedef {'connecting' | 'live' | 'trouble' | 'blocked' | 'paused'} PictureState
 */

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: block; position: relative; aspect-ratio: 16 / 9; overflow: hidden; background: #16181a; }
  :host([hidden]) { display: none; }
  canvas, video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
  .note { position: absolute; inset: 0; display: grid; place-content: center; gap: 0.5em; padding: 0.5em;
    background: rgb(22 24 26 / 75%); color: #f4f4f2; font: 0.9rem/1.4 system-ui, sans-serif; text-align: center; overflow-wrap: anywhere; }
  .note[hidden], button[hidden] { display: none; }
  button { font: inherit; padding: 0.4em 1.2em; justify-self: center; cursor: pointer; }
`);

/**
 * The width to ask the hub for.
 * @param {number} pixels that the picture has on the screen
 * @returns {number} 0 for the camera's own
 */
export function widthFor(pixels) {
  return WIDTHS.find((width) => width >= pixels) ?? 0;
}

/**
 * Attributes: camera (its id); src (the hub's address; default: where this module came from); kind (jpeg, mp4 or auto: as the camera delivers);
 * width (in pixels; default: what its size on the screen needs, for JPEGs); link (what a signed link has behind link=, if the hub asks who comes). Fires state events, whose detail is {state, text}.
 */
export class BrambleCamera extends HTMLElement {
  static observedAttributes = ['camera', 'src', 'kind', 'width', 'link'];

  #internals = this.attachInternals();
  #stage = this.attachShadow({ mode: 'open' });
  #note = document.createElement('div');
  #text = document.createElement('span');
  #button = document.createElement('button');
  #sight = new IntersectionObserver((entries) => { this.#inSight = entries.at(-1)?.isIntersecting ?? false; this.#update(); });
  #size = new ResizeObserver(() => this.#resized());
  #inSight = false;
  /** @type {import('./link.js').Link | null} */
  #link = null;
  #endRoster = () => {};
  /** What auto comes to, once the hub has said what the camera delivers. @type {'jpeg' | 'mp4' | ''} */
  #auto = '';
  #unplayable = false;
  /** @type {Player | null} */
  #player = null;
  #playing = '';
  #width = 0;
  /** @type {PictureState} */
  #state = 'connecting';

  constructor() {
    super();
    this.#stage.adoptedStyleSheets = [sheet];
    this.#internals.role = 'group';
    this.#note.className = 'note';
    this.#note.setAttribute('role', 'status');
    this.#button.type = 'button';
    this.#button.textContent = 'Play';
    this.#button.addEventListener('click', () => this.#player?.resume());
    this.#note.append(this.#text, this.#button);
    this.#stage.append(this.#note);
    this.#show('connecting', 'Connecting');
  }

  /** How the picture is: connecting, live, trouble, blocked (needs a click) or paused (the page is hidden). */
  get state() {
    return this.#state;
  }

  connectedCallback() {
    this.#sight.observe(this);
    this.#size.observe(this);
  }

  disconnectedCallback() {
    this.#sight.disconnect();
    this.#size.disconnect();
    this.#inSight = false;
    this.#update();
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (name === 'camera') this.#internals.ariaLabel = `Camera ${this.getAttribute('camera') ?? ''}`;
    if (name === 'width') return this.#resized();
    this.#unplayable = false;
    this.#stop();
    this.#update();
  }

  /** Plays what the attributes say, while it can be seen. */
  #update() {
    const camera = this.getAttribute('camera');
    if (!this.#inSight || !camera) return this.#stop();
    this.#link ??= this.#connect();
    const kind = this.#kind();
    if (!this.#link || !kind || kind === this.#playing) return;
    this.#stopPlayer();
    this.#playing = kind;
    this.#width = this.#wantedWidth();
    const make = kind === 'mp4' ? VideoPlayer : JPEGPlayer;
    this.#player = new make(this.#link, camera, this.#options(), {
      onPicture: () => this.#show('live', ''),
      onTrouble: (why) => this.#show(why ? 'trouble' : 'paused', why),
      onBlocked: () => this.#show('blocked', 'The browser plays it after a click.'),
      onUnplayable: () => { this.#unplayable = true; this.#update(); },
    });
    this.#stage.prepend(this.#player.element);
  }

  #connect() {
    const src = this.getAttribute('src') ?? root.href;
    const hub = URL.canParse(src, document.baseURI) ? new URL(src, document.baseURI) : null;
    if (!hub || !/^https?:$/.test(hub.protocol)) {
      this.#show('trouble', `${src} is no hub: its address begins with http:// or https://.`);
      return null;
    }
    if (!hub.pathname.endsWith('/')) hub.pathname += '/';
    this.#show('connecting', 'Connecting');
    const link = linkTo(hub, signedQuery(this.getAttribute('camera') ?? '', this.getAttribute('link')));
    if (this.#asked() === 'auto') this.#endRoster = link.onRoster((cameras) => this.#heard(link, cameras));
    return link;
  }

  /**
   * @param {import('./link.js').Link} link
   * @param {import('./link.js').Camera[] | null} cameras
   */
  #heard(link, cameras) {
    const id = this.getAttribute('camera');
    const camera = cameras?.find((c) => c.id === id);
    if (camera) this.#auto = camera.format === 'h264' && camera.formats.includes('mp4') ? 'mp4' : 'jpeg';
    else if (!this.#player) this.#show('trouble', cameras ? `The hub has no camera ${id}.` : link.trouble);
    if (this.#link && camera) this.#update();
    else if (camera) queueMicrotask(() => this.#update()); // The link knew it before it was ours.
  }

  #asked() {
    const asked = this.getAttribute('kind');
    return asked === 'jpeg' || asked === 'mp4' ? asked : 'auto';
  }

  #kind() {
    const asked = this.#asked();
    const kind = asked === 'auto' ? this.#auto : asked;
    return kind === 'mp4' && (this.#unplayable || !VideoPlayer.isSupported) ? 'jpeg' : kind;
  }

  #stopPlayer() {
    this.#player?.stop();
    this.#player?.element.remove();
    this.#player = null;
    this.#playing = '';
  }

  #stop() {
    this.#stopPlayer();
    this.#endRoster();
    this.#endRoster = () => {};
    this.#link = null;
    this.#auto = '';
    this.#show('connecting', 'Connecting');
  }

  #resized() {
    const width = this.#wantedWidth();
    if (width === this.#width) return;
    this.#width = width;
    this.#player?.change(this.#options());
  }

  #options() {
    return this.#width ? { width: this.#width } : {};
  }

  /** A smaller video would cost the hub an encoder, a smaller JPEG next to nothing. */
  #wantedWidth() {
    const asked = Number(this.getAttribute('width'));
    if (asked > 0) return Math.round(asked);
    return this.#playing === 'mp4' ? 0 : widthFor(this.clientWidth * devicePixelRatio);
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
    this.dispatchEvent(new CustomEvent('state', { detail: { state, text } }));
  }
}

if (!customElements.get('bramble-camera')) customElements.define('bramble-camera', BrambleCamera);
