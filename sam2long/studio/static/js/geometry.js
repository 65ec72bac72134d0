/** Where the video lies on the stage: one pane, or two side by side, with zoom. Stage units are CSS pixels. */
import { computed, signal } from "../vendor/signals.js";
import { camera, video, view } from "./state.js";
import { clamp } from "./words.js";

/** @typedef {{left: number, top: number, width: number, height: number, masks: boolean, scaleX: number, scaleY: number, x: number, y: number}} Pane
 * The rectangle of a pane, and the map from video pixels to stage units: x * scaleX + pane.x. */

const MARGIN = 16;

export const stageSize = signal({ width: 1, height: 1 });

/** @type {import("../vendor/signals.js").Signal<Pane[]>} */
export const panes = computed(() => {
  const size = stageSize.value;
  if (view.value !== "side") return [pane(0, 0, size.width, size.height, true)];
  if (size.width > size.height * 1.2) {
    const half = size.width / 2;
    return [pane(0, 0, half, size.height, false), pane(half, 0, half, size.height, true)];
  }
  const half = size.height / 2;
  return [pane(0, 0, size.width, half, false), pane(0, half, size.width, half, true)];
});

/**
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 * @param {boolean} masks
 * @returns {Pane}
 */
function pane(left, top, width, height, masks) {
  const source = video.value ?? { width: 16, height: 9, pixel_aspect: 1 };
  const aspect = source.pixel_aspect || 1;
  const fit = Math.max(0.01, Math.min((width - 2 * MARGIN) / (source.width * aspect), (height - 2 * MARGIN) / source.height));
  const scaleY = fit * camera.value.zoom;
  const scaleX = scaleY * aspect;
  const { x, y } = camera.value;
  return { left, top, width, height, masks, scaleX, scaleY, x: left + width / 2 - x * scaleX, y: top + height / 2 - y * scaleY };
}

/** The pane under a place of the stage. @param {number} x @param {number} y */
export function paneAt(x, y) {
  return panes.value.find((p) => x >= p.left && x < p.left + p.width && y >= p.top && y < p.top + p.height) ?? panes.value[0];
}

/** Video pixels of a place of the stage; may lie outside the video. @param {number} x @param {number} y @param {Pane} [within] */
export function toVideo(x, y, within = paneAt(x, y)) {
  return { x: (x - within.x) / within.scaleX, y: (y - within.y) / within.scaleY };
}

/** Whether a point lies in the video. @param {{x: number, y: number}} point */
export function inVideo({ x, y }) {
  const size = video.value;
  return Boolean(size) && x >= 0 && y >= 0 && x < /** @type {any} */ (size).width && y < /** @type {any} */ (size).height;
}

/** The nearest point of the video. @param {{x: number, y: number}} point */
export function intoVideo({ x, y }) {
  const { width, height } = video.value ?? { width: 1, height: 1 };
  return { x: clamp(x, 0, width - 0.01), y: clamp(y, 0, height - 0.01) };
}

/** Zoom so that a place of the stage keeps its pixel. @param {number} factor @param {number} x @param {number} y */
export function zoomAt(factor, x, y) {
  const size = video.value;
  if (!size) return;
  const zoom = clamp(camera.value.zoom * factor, 1, 32);
  if (zoom <= 1.001) {
    camera.value = { zoom: 1, x: size.width / 2, y: size.height / 2 };
    return;
  }
  const within = paneAt(x, y);
  const at = toVideo(x, y, within);
  const ratio = camera.value.zoom / zoom;
  camera.value = { zoom, x: at.x + (camera.value.x - at.x) * ratio, y: at.y + (camera.value.y - at.y) * ratio };
}

/** Move the picture by stage units. @param {number} dx @param {number} dy */
export function pan(dx, dy) {
  const size = video.value;
  if (!size || camera.value.zoom === 1) return;
  const { scaleX, scaleY } = panes.value[0];
  camera.value = {
    ...camera.value,
    x: clamp(camera.value.x - dx / scaleX, 0, size.width),
    y: clamp(camera.value.y - dy / scaleY, 0, size.height),
  };
}
