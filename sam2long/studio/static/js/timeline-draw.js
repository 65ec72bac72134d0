/** Draws the timeline: a ruler, thumbnails, and a lane per object. */
import { place } from "./lanes.js";
import * as state from "./state.js";
import { getThumbnail, thumbnailsChanged } from "./thumbnails.js";
import { clock } from "./words.js";

export const RULER = 22;
export const STRIP = 40;
export const LANE = 22;
const EDGE = 8;

/** @typedef {{context: CanvasRenderingContext2D, width: number, height: number, scroll: number, ink: (name: string) => string}} Sheet */

/** Left edge of a frame on the sheet. @param {number} frame @param {number} width */
export function xOf(frame, width) {
  const [first, last] = state.windowed.value;
  return EDGE + ((frame - first) / (last - first + 1)) * (width - 2 * EDGE);
}

/** @param {number} x @param {number} width */
export function frameAt(x, width) {
  const [first, last] = state.windowed.value;
  return Math.max(0, Math.min(state.lastFrame.value, Math.floor(first + ((x - EDGE) / (width - 2 * EDGE)) * (last - first + 1))));
}

/** Thumbnails of the window: their frames and places. @param {number} width */
export function strip(width) {
  const size = state.video.value;
  if (!size) return [];
  const wide = Math.max(28, Math.min(120, (STRIP * size.width * (size.pixel_aspect || 1)) / size.height));
  const [first, last] = state.windowed.value;
  const per = ((last - first + 1) / (width - 2 * EDGE)) * wide;
  // The places hang on the video and not on the window, so that scrolling asks for the same frames again.
  const double = 2 ** Math.floor(Math.log2(per));
  const step = Math.max(1, Math.round([double, 1.5 * double, 2 * double].find((n) => n >= per) ?? per));
  const places = [];
  for (let frame = Math.floor(first / step) * step; frame <= last; frame += step) places.push({ frame, x: xOf(frame, width), wide: (step / per) * wide });
  return places;
}

/** @param {Sheet} sheet */
export function drawTimeline(sheet) {
  const { context, width, height, ink } = sheet;
  context.clearRect(0, 0, width, height);
  if (!state.video.value) return;
  ruler(sheet);
  pictures(sheet);
  context.save();
  context.beginPath();
  context.rect(0, RULER + STRIP, width, height - RULER - STRIP);
  context.clip();
  state.objects.value.forEach((object, row) => lane(sheet, object, RULER + STRIP + row * LANE - sheet.scroll));
  context.restore();
  marks(sheet);
  const x = xOf(state.frame.value, width);
  const wide = Math.max(2, xOf(state.frame.value + 1, width) - x);
  context.fillStyle = ink("--accent");
  context.globalAlpha = 0.25;
  context.fillRect(x, 0, wide, height);
  context.globalAlpha = 1;
  context.fillRect(x + wide / 2 - 1, 0, 2, height);
  context.beginPath();
  context.moveTo(x + wide / 2 - 6, 0);
  context.lineTo(x + wide / 2 + 6, 0);
  context.lineTo(x + wide / 2, 9);
  context.fill();
}

/** @param {Sheet} sheet */
function ruler({ context, width, ink }) {
  const [first, last] = state.windowed.value;
  const fps = state.video.value?.fps || 25;
  const least = ((last - first + 1) / width) * 90;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000].find((n) => n >= least) ?? 100_000;
  context.font = `11px ${ink("--sans")}`;
  context.textBaseline = "middle";
  for (let frame = Math.ceil(first / step) * step; frame <= last; frame += step) {
    const x = xOf(frame, width);
    context.fillStyle = ink("--line-strong");
    context.fillRect(x, RULER - 6, 1, 6);
    context.fillStyle = ink("--ink-2");
    const name = frame.toLocaleString("en");
    context.fillText(name, x + 4, RULER / 2);
    const after = x + 10 + context.measureText(name).width;
    context.fillStyle = ink("--ink-3");
    if (after + 60 < xOf(frame + step, width)) context.fillText(step < fps ? clock(frame / fps) : clock(frame / fps).slice(0, -3), after, RULER / 2);
  }
}

/** @param {Sheet} sheet */
function pictures({ context, width, ink }) {
  thumbnailsChanged.value;
  context.fillStyle = ink("--raised");
  context.fillRect(0, RULER, width, STRIP);
  const places = strip(width);
  places.forEach(({ frame, x, wide }) => {
    const bitmap = getThumbnail(frame);
    if (!bitmap) return;
    // Cover the place: crop what the picture is too tall or too wide for.
    const scale = Math.max((wide - 1) / bitmap.width, STRIP / bitmap.height);
    const [across, down] = [(wide - 1) / scale, STRIP / scale];
    context.drawImage(bitmap, (bitmap.width - across) / 2, (bitmap.height - down) / 2, across, down, x, RULER, wide - 1, STRIP);
  });
}

/**
 * @param {Sheet} sheet
 * @param {import("./types.js").StudioObject} object
 * @param {number} top
 */
function lane(sheet, object, top) {
  const { context, width, ink } = sheet;
  if (top < RULER + STRIP - LANE || top > sheet.height) return;
  if (object.id === state.chosen.value) {
    context.fillStyle = ink("--raised");
    context.fillRect(0, top, width, LANE);
  }
  context.fillStyle = ink("--line");
  context.fillRect(0, top + LANE - 1, width, 1);
  const middle = top + LANE / 2;
  context.fillStyle = ink("--line-strong");
  for (let x = 0; x < width; x += 6) context.fillRect(x, middle - 0.5, 2, 1);
  spans(sheet, object, middle);
  for (const item of state.doubts.value) if (item.object === object.id) doubt(sheet, item.frame, middle);
  for (const { frame } of object.prompts) prompt(sheet, frame, middle);
}

/** @param {Sheet} sheet @param {import("./types.js").StudioObject} object @param {number} middle */
function spans({ context, width, ink }, object, middle) {
  const [first, last] = state.windowed.value;
  const all = state.lanes.value.get(object.id) ?? [];
  for (let i = place(all, first); i < all.length && all[i][0] <= last; i += 1) {
    const [from, to, kind] = all[i];
    const x = Math.max(0, xOf(from, width));
    const wide = Math.max(1, Math.min(width, xOf(to + 1, width)) - x);
    context.fillStyle = ink("--surface");
    context.fillRect(x, middle - 6, wide, 12);
    context.fillStyle = kind === "outdated" ? ink("--ink-3") : object.colour;
    if (kind === "hidden") context.fillRect(x, middle - 1, wide, 2);
    else if (kind === "outdated") hatch(context, x, middle - 5, wide, 10);
    else if (kind === "undecided") context.fillRect(x, middle - 2.5, wide, 5);
    else context.fillRect(x, middle - 5, wide, kind === "unsure" ? 7 : 10);
    if (kind !== "unsure") continue;
    context.fillStyle = ink("--warn");
    context.fillRect(x, middle + 3, wide, 3);
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} wide @param {number} high */
function hatch(context, x, y, wide, high) {
  context.save();
  context.beginPath();
  context.rect(x, y, wide, high);
  context.clip();
  context.beginPath();
  for (let at = Math.floor(x / 6) * 6 - high; at < x + wide; at += 6) {
    context.moveTo(at, y + high);
    context.lineTo(at + high, y);
  }
  context.lineWidth = 2;
  context.strokeStyle = context.fillStyle;
  context.stroke();
  context.restore();
}

/** A diamond. @param {Sheet} sheet @param {number} frame @param {number} middle */
function prompt({ context, width }, frame, middle) {
  const x = (xOf(frame, width) + xOf(frame + 1, width)) / 2;
  context.beginPath();
  for (const [dx, dy] of [[0, -6], [6, 0], [0, 6], [-6, 0]]) context.lineTo(x + dx, middle + dy);
  context.closePath();
  context.fillStyle = "#ffffff";
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = "#15181c";
  context.stroke();
}

/** A triangle hanging from the lane's top. @param {Sheet} sheet @param {number} frame @param {number} middle */
function doubt({ context, width, ink }, frame, middle) {
  const x = (xOf(frame, width) + xOf(frame + 1, width)) / 2;
  context.beginPath();
  for (const [dx, dy] of [[-5, -10], [5, -10], [0, -2]]) context.lineTo(x + dx, middle + dy);
  context.closePath();
  context.fillStyle = ink("--warn");
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = ink("--surface");
  context.stroke();
}

/** What lies outside the marks is dimmed. @param {Sheet} sheet */
function marks({ context, width, height, ink }) {
  const [from, to] = [state.markIn.value, state.markOut.value];
  if (from === null && to === null) return;
  const left = from === null ? 0 : xOf(from, width);
  const right = to === null ? width : xOf(to + 1, width);
  context.globalAlpha = 0.6;
  context.fillStyle = ink("--page");
  context.fillRect(0, 0, left, height);
  context.fillRect(right, 0, width - right, height);
  context.globalAlpha = 1;
  context.fillStyle = ink("--accent");
  if (from !== null) bracket(context, left, 1, height);
  if (to !== null) bracket(context, right, -1, height);
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {1 | -1} towards @param {number} height */
function bracket(context, x, towards, height) {
  context.fillRect(x - 1, 0, 2, height);
  context.fillRect(towards > 0 ? x : x - 7, 0, 7, 2);
  context.fillRect(towards > 0 ? x : x - 7, height - 2, 7, 2);
}
