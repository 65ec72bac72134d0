/** Paints masks into pixels: translucent fills with outlines, black and white, or a backdrop with holes. */
import { decode } from "./runs.js";

/** @typedef {{mask: ReturnType<typeof import("./runs.js").readMask>, colour: string, preview: boolean, chosen: boolean}} Layer */
/** @typedef {{view: string, opacity: number, width: number, height: number}} Style */

const WHITE = 0xffffffff;
const BLACK = 0xff000000;
const SQUARES = [0xff3a3632, 0xff4a4642];

let inside = new Uint8Array(0);

/**
 * @param {Layer[]} layers  lowest first
 * @param {Style} style  width and height are used where no mask has them
 * @returns {{image: ImageData | null, labels: {id: number, x: number, y: number}[]}} without an image where there is nothing to
 *   paint; a label sits on the topmost pixels of a mask, in its width and height from 0 to 1
 */
export function paint(layers, style) {
  const opaque = style.view === "matte" || style.view === "cutout";
  const labels = [];
  if (!layers.length && !opaque) return { image: null, labels };
  const width = layers[0]?.mask.width ?? style.width;
  const height = layers[0]?.mask.height ?? style.height;
  if (inside.length < width * height) inside = new Uint8Array(width * height);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  if (style.view === "matte") pixels.fill(BLACK);
  if (style.view === "cutout") checker(pixels, width, height);
  for (const layer of layers) {
    if (layer.mask.width !== width || layer.mask.height !== height) continue;
    const area = decode(layer.mask.runs, width, inside);
    if (!area) continue;
    labels.push({ id: layer.mask.object, x: middleOf(area.top * width, width), y: area.top / height });
    if (opaque) {
      const value = style.view === "matte" ? WHITE : 0;
      for (let y = area.top; y < area.bottom; y += 1) {
        for (let p = y * width + area.left, end = y * width + area.right; p < end; p += 1) if (inside[p]) pixels[p] = value;
      }
    } else {
      fill(pixels, width, height, area, layer, style);
    }
    inside.fill(0, area.top * width, area.bottom * width);
  }
  return { image, labels };
}

/** Middle of the pixels of a row, from 0 to 1. @param {number} start @param {number} width */
function middleOf(start, width) {
  const row = inside.subarray(start, start + width);
  return (row.indexOf(1) + row.lastIndexOf(1) + 1) / 2 / width;
}

/**
 * Fill and outline of one mask. Outdated ones are hatched, so that they are told apart without colour.
 * @param {Uint32Array} pixels
 * @param {number} width
 * @param {number} height
 * @param {{left: number, top: number, right: number, bottom: number}} area
 * @param {Layer} layer
 * @param {Style} style
 */
function fill(pixels, width, height, area, layer, style) {
  const rgb = abgr(layer.colour);
  const alpha = style.view === "outline" ? 0 : Math.round(255 * style.opacity);
  const body = ((alpha << 24) | rgb) >>> 0;
  const pale = (((alpha >> 2) << 24) | rgb) >>> 0;
  const edge = layer.preview ? WHITE : (0xff000000 | rgb) >>> 0;
  const reach = Math.max(1, Math.round(width / (layer.chosen ? 400 : 640)));
  const hatched = layer.mask.outdated || layer.preview;
  for (let y = area.top; y < area.bottom; y += 1) {
    const above = y >= reach;
    const below = y + reach < height;
    for (let x = area.left, p = y * width + x; x < area.right; x += 1, p += 1) {
      if (!inside[p]) continue;
      const edged =
        !(x >= reach && inside[p - reach]) ||
        !(x + reach < width && inside[p + reach]) ||
        !(above && inside[p - reach * width]) ||
        !(below && inside[p + reach * width]);
      if (edged) pixels[p] = hatched && (x + y) % 12 > 7 ? body : edge;
      else pixels[p] = hatched && (x + y) % 12 < 6 ? pale : body;
    }
  }
}

/** @param {Uint32Array} pixels @param {number} width @param {number} height */
function checker(pixels, width, height) {
  for (let y = 0, p = 0; y < height; y += 1) for (let x = 0; x < width; x += 1, p += 1) pixels[p] = SQUARES[((x >> 4) + (y >> 4)) % 2];
}

/** @param {string} colour  "#rrggbb" */
function abgr(colour) {
  const value = parseInt(colour.slice(1), 16);
  return ((value & 255) << 16) | (value & 0xff00) | (value >> 16);
}
