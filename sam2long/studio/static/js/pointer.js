/** What the pointer does on the stage with each tool, and the crosshair that does the same by keyboard. */
import { signal } from "../vendor/signals.js";
import * as actions from "./actions.js";
import { intoVideo, inVideo, pan, paneAt, panes, toVideo, zoomAt } from "./geometry.js";
import { announce } from "./notices.js";
import * as state from "./state.js";
import { strokeRuns } from "./stroke.js";
import { clamp } from "./words.js";

/** @typedef {{x: number, y: number}} Place */
/**
 * What is being dragged, in pixels of the video.
 * @typedef {{kind: "box", from: Place, to: Place} | {kind: "point", index: number, to: Place, moved: boolean}
 *   | {kind: "stroke", how: "add" | "erase", width: number, points: Place[]} | {kind: "pan"}} Drag
 */

/** @type {import("../vendor/signals.js").Signal<Drag | null>} */
export const drag = signal(null);
/** The pointer in stage units, null while it is elsewhere. @type {import("../vendor/signals.js").Signal<Place | null>} */
export const hover = signal(null);

const NEAR = 10;
let previewing = false;
/** The pane in which a drag began. @type {import("./geometry.js").Pane} */
let pane = panes.value[0];

/** @param {PointerEvent} event */
const placeOf = (event) => ({ x: event.offsetX, y: event.offsetY });

/** @param {PointerEvent} event */
export function down(event) {
  const at = placeOf(event);
  pane = paneAt(at.x, at.y);
  const surface = /** @type {HTMLElement} */ (event.currentTarget);
  if (event.button === 1 || event.ctrlKey) {
    surface.setPointerCapture(event.pointerId);
    drag.value = { kind: "pan" };
    event.preventDefault();
    return;
  }
  const place = toVideo(at.x, at.y, pane);
  const negative = event.button === 2 || event.altKey;
  if (state.tool.value === "click") {
    const index = pointNear(at);
    if (index !== null && !negative) {
      surface.setPointerCapture(event.pointerId);
      state.chosenPoint.value = index;
      drag.value = { kind: "point", index, to: place, moved: false };
    } else if (inVideo(place)) {
      endPreview();
      actions.click(place.x, place.y, negative ? 0 : 1);
    }
  } else if (event.button === 0) {
    surface.setPointerCapture(event.pointerId);
    begin(intoVideo(place));
  }
}

/** Begin a box or a stroke. @param {Place} at */
function begin(at) {
  if (state.tool.value === "box") drag.value = { kind: "box", from: at, to: at };
  else drag.value = { kind: "stroke", how: state.tool.value === "brush" ? "add" : "erase", width: state.brushSize.value / pane.scaleX, points: [at] };
}

/** @param {PointerEvent} event */
export function move(event) {
  const at = placeOf(event);
  hover.value = at;
  const now = drag.value;
  if (now?.kind === "pan") pan(event.movementX, event.movementY);
  else if (now) extend(intoVideo(toVideo(at.x, at.y, pane)));
  else previewAt(toVideo(at.x, at.y), event.shiftKey, event.altKey);
}

/** @param {Place} to */
function extend(to) {
  const now = drag.value;
  if (now?.kind === "box") drag.value = { ...now, to };
  if (now?.kind === "stroke") drag.value = { ...now, points: [...now.points, to] };
  if (now?.kind === "point") drag.value = { ...now, to, moved: true };
}

/** Finish what is being dragged. */
export function up() {
  const now = drag.value;
  drag.value = null;
  const size = state.video.value;
  if (!now || !size) return;
  if (now.kind === "point" && now.moved) actions.movePoint(now.index, now.to.x, now.to.y);
  if (now.kind === "box") {
    const corners = [Math.min(now.from.x, now.to.x), Math.min(now.from.y, now.to.y), Math.max(now.from.x, now.to.x), Math.max(now.from.y, now.to.y)];
    if (corners[2] - corners[0] >= 2 && corners[3] - corners[1] >= 2) actions.box(corners);
  }
  if (now.kind === "stroke") actions.brush(strokeRuns(now.points, now.width, size), now.how);
}

/** Put away what is being dragged. */
export function cancel() {
  drag.value = null;
}

export function leave() {
  hover.value = null;
  endPreview();
}

/** @param {Place} place @param {boolean} wanted @param {boolean} negative */
export function previewAt(place, wanted, negative) {
  if (!wanted || state.tool.value !== "click" || !inVideo(place) || state.running.value) endPreview();
  else {
    previewing = true;
    actions.preview(place.x, place.y, negative ? 0 : 1);
  }
}

export function endPreview() {
  if (previewing) actions.endPreview();
  previewing = false;
}

/** @param {WheelEvent} event */
export function wheel(event) {
  event.preventDefault();
  zoomAt(1.0015 ** -event.deltaY, event.offsetX, event.offsetY);
}

/** Index of the chosen object's click under a place of the stage. @param {Place} at */
function pointNear(at) {
  const points = state.promptHere.value?.points ?? [];
  const index = points.findIndex(({ x, y }) => Math.hypot(x * pane.scaleX + pane.x - at.x, y * pane.scaleY + pane.y - at.y) < NEAR);
  return index < 0 ? null : index;
}

/**
 * Keys while the crosshair is out: arrows move it, Enter does what the tool does there, minus leaves out.
 * @param {KeyboardEvent} event
 * @returns {boolean} whether the key was taken
 */
export function crosshairKey(event) {
  const at = state.crosshair.value;
  const size = state.video.value;
  if (!at || !size || event.ctrlKey || event.metaKey) return false;
  pane = panes.value[panes.value.length - 1];
  const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (direction) {
    const by = event.shiftKey ? 1 : 12;
    const to = {
      x: clamp(at.x + (direction[0] * by) / pane.scaleX, 0, size.width - 0.5),
      y: clamp(at.y + (direction[1] * by) / pane.scaleY, 0, size.height - 0.5),
    };
    state.crosshair.value = to;
    extend(to);
    return true;
  }
  if (event.key === "Escape" && drag.value) {
    cancel();
    return true;
  }
  if (event.key === "Enter") {
    if (state.tool.value === "click") actions.click(at.x, at.y, 1);
    else if (drag.value) up();
    else {
      begin(at);
      announce("Move the crosshair, then press Enter again.");
    }
    return true;
  }
  if (event.key === "-" && state.tool.value === "click") {
    actions.click(at.x, at.y, 0);
    return true;
  }
  return false;
}
