// A sparkline: one number over the last two minutes.
import { cloneTemplate, find, setText } from './dom.js';

const SPAN_MS = 120_000;

/** @typedef {{at: number, value: number | null}} Sample value null: not known, which leaves a gap in the line */

/**
 * Returns a round number at or above all values, so that the scale does not change with every sample.
 * @param {number} max
 * @param {number} least
 */
export function niceMax(max, least) {
  if (!(max > least)) return least;
  const power = 10 ** Math.floor(Math.log10(max));
  return ([1, 2, 5].find((step) => step * power >= max) ?? 10) * power;
}

/**
 * Returns the points of the line, in pieces without a gap. The newest sample is at the right edge.
 * @param {Sample[]} samples the oldest first
 * @param {number} now
 * @param {{width: number, height: number}} box
 * @param {number} max the value at the top of the box
 * @returns {{x: number, y: number}[][]}
 */
export function polylines(samples, now, { width, height }, max) {
  /** @type {{x: number, y: number}[][]} */
  const pieces = [[]];
  for (const { at, value } of samples) {
    if (value === null) pieces.push([]);
    else pieces.at(-1)?.push({ x: width * (1 - (now - at) / SPAN_MS), y: height * (1 - Math.min(1, value / max)) });
  }
  return pieces.filter((piece) => piece.length > 0);
}

export class Sparkline {
  element = cloneTemplate('graph');
  #canvas = find(this.element, 'canvas', HTMLCanvasElement);
  #value = find(this.element, '.graph-value', HTMLElement);
  #format;
  #least;
  /** @type {Sample[]} */
  #samples = [];

  /**
   * @param {string} name
   * @param {(value: number) => string} format
   * @param {number} least the lowest maximum of the scale
   */
  constructor(name, format, least) {
    this.#format = format;
    this.#least = least;
    setText(find(this.element, '.graph-name', HTMLElement), name);
  }

  /**
   * @param {number} now
   * @param {number | null} value
   */
  push(now, value) {
    this.#samples.push({ at: now, value });
    while ((this.#samples[0]?.at ?? now) < now - SPAN_MS) this.#samples.shift();
    setText(this.#value, value === null ? '–' : this.#format(value));
    this.#draw(now);
  }

  /** @param {number} now */
  #draw(now) {
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    const context = canvas.getContext('2d');
    if (!context || width === 0) return;
    const ratio = window.devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const max = niceMax(Math.max(0, ...this.#samples.map((s) => s.value ?? 0)), this.#least);
    const color = getComputedStyle(canvas).color;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.strokeStyle = color;
    context.fillStyle = color;
    context.lineWidth = 1.5;
    context.lineJoin = 'round';
    for (const piece of polylines(this.#samples, now, { width, height: height - 3 }, max)) {
      const [first, last] = [piece[0], piece.at(-1)];
      if (!first || !last) continue;
      context.beginPath();
      for (const { x, y } of piece) context.lineTo(x, y + 1.5);
      context.globalAlpha = 1;
      context.stroke();
      context.lineTo(last.x, height);
      context.lineTo(first.x, height);
      context.globalAlpha = 0.13;
      context.fill();
    }
  }
}
