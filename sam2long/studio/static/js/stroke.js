/** Masks made on the page: strokes of the brush, and imported images. */
import { encode } from "./runs.js";

const LARGEST = 1280;

/**
 * A stroke as a mask, at most 1280 pixels wide.
 * @param {{x: number, y: number}[]} points  in pixels of the video
 * @param {number} thickness  in pixels of the video
 * @param {{width: number, height: number}} video
 */
export function strokeRuns(points, thickness, video) {
  const scale = Math.min(1, LARGEST / Math.max(video.width, video.height));
  const [width, height] = [Math.round(video.width * scale), Math.round(video.height * scale)];
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true }));
  context.scale(scale, scale);
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = thickness;
  context.beginPath();
  points.forEach(({ x, y }, i) => context[i ? "lineTo" : "moveTo"](x, y));
  context.lineTo(points[points.length - 1].x + 0.01, points[points.length - 1].y);
  context.stroke();
  const pixels = context.getImageData(0, 0, width, height).data;
  return { width, height, runs: encode(width * height, (pixel) => pixels[4 * pixel + 3] > 127).runs };
}

/**
 * Read a mask image: each colour besides black is one object. An image of many colours is taken as grey, bright for the object.
 * @param {Blob} file
 * @returns {Promise<{width: number, height: number, parts: {colour: string, area: number, runs: number[]}[]}>}
 */
export async function readMaskImage(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true }));
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const colours = coloursOf(data);
  const insides = colours
    ? colours.map((colour) => ({ colour, inside: (/** @type {number} */ p) => data[4 * p + 3] > 127 && colourAt(data, p) === colour }))
    : [{ colour: 0xffffff, inside: (/** @type {number} */ p) => data[4 * p + 3] > 127 && data[4 * p] + data[4 * p + 1] + data[4 * p + 2] > 381 }];
  const parts = insides.map(({ colour, inside }) => ({ colour: `#${colour.toString(16).padStart(6, "0")}`, ...encode(width * height, inside) }));
  return { width, height, parts: parts.filter(({ area }) => area > 0) };
}

/** @param {Uint8ClampedArray} data @param {number} pixel */
const colourAt = (data, pixel) => (data[4 * pixel] << 16) | (data[4 * pixel + 1] << 8) | data[4 * pixel + 2];

/** The colours besides black, or null where there are more than 32. @param {Uint8ClampedArray} data */
function coloursOf(data) {
  const found = new Set();
  let before = 0;
  for (let pixel = 0; pixel < data.length / 4; pixel += 1) {
    const colour = data[4 * pixel + 3] > 127 ? colourAt(data, pixel) : 0;
    if (colour !== before && colour) found.add(colour);
    if (found.size > 32) return null;
    before = colour;
  }
  return [...found];
}
