/** The stage's canvases: one for the image, one for masks, one for prompts, each redrawn only when what it shows changes. */
import { computed, effect, signal } from "../vendor/signals.js";
import { nextColour } from "./colours.js";
import { arrived, framesChanged, getFrame, isProxy, stageWidth, wantFrames } from "./frames.js";
import { panes, stageSize } from "./geometry.js";
import { masksChanged, paintMasks, painted } from "./masks.js";
import * as state from "./state.js";
import { wantMasks } from "./sync.js";
import { timing } from "./words.js";

/** Id of an object that does not exist yet, in the preview of its first click. */
const NEW = 2 ** 32 - 1;
const WIDTHS = [480, 640, 960, 1280, 1920, 2560, 3840];

/** The frame whose image is on the stage; follows `state.frame` as images arrive. */
export const presented = signal(-1);
export const loadingImage = computed(() => presented.value !== state.frame.value);

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D} cleared, in stage units
 */
export function prepare(canvas) {
  const { width, height } = stageSize.value;
  const dense = Math.min(2, devicePixelRatio || 1);
  const [wide, high] = [Math.round(width * dense), Math.round(height * dense)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(dense, 0, 0, dense, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/**
 * Draw the same thing in each pane, in stage units, clipped to it.
 * @param {CanvasRenderingContext2D} context
 * @param {(pane: import("./geometry.js").Pane) => void} draw
 */
export function inPanes(context, draw) {
  for (const pane of panes.value) {
    context.save();
    context.beginPath();
    context.rect(pane.left, pane.top, pane.width, pane.height);
    context.clip();
    draw(pane);
    context.restore();
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ImageBitmap} bitmap
 * @param {import("./geometry.js").Pane} pane
 * @param {boolean} [smooth]  also where single pixels would be seen
 */
function place(context, bitmap, pane, smooth = false) {
  const size = state.video.value;
  if (!size) return;
  context.imageSmoothingEnabled = smooth || (pane.scaleX * size.width) / bitmap.width < 3;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, pane.x, pane.y, size.width * pane.scaleX, size.height * pane.scaleY);
}

/**
 * Keep image and masks drawn until the returned function is called.
 * @param {HTMLCanvasElement} image
 * @param {HTMLCanvasElement} masks
 */
export function drawStage(image, masks) {
  const stops = [effect(chooseWidth), effect(load), effect(present), effect(() => drawImage(image)), effect(wishMasks), effect(() => drawMasks(masks))];
  return () => stops.forEach((stop) => stop());
}

function chooseWidth() {
  const size = state.video.value;
  if (!size) return;
  const pane = panes.value[0];
  const needed = Math.min(size.width, Math.max(pane.scaleX * size.width, 1) * Math.min(2, devicePixelRatio || 1));
  stageWidth.value = Math.min(size.width, WIDTHS.find((width) => width >= needed * 0.9) ?? size.width);
}

/** Milliseconds after which the shown frame counts as rested on. */
const REST = 300;
let rest = 0;

/** Fetch the shown frame first, then those a person is likely to see next; far ones once the playhead rests. */
function load() {
  const at = state.frame.value;
  stageWidth.value;
  clearTimeout(rest);
  if (!state.video.value) return;
  const passing = state.playing.value || (state.running.value && state.alongside.value);
  const want = (/** @type {number[]} */ ...steps) => {
    wantFrames([0, ...steps].map((by) => at + by).filter((frame) => frame >= 0 && frame <= state.lastFrame.peek()), passing);
  };
  if (state.playing.value) want(...Array(12).keys().map((i) => i + 1));
  else if (passing) want();
  else {
    want(1, 2);
    rest = setTimeout(() => want(1, 2, -1, 10, -10), REST);
  }
  // While following, masks of objects that are not followed anew.
  if (passing) wantMasks(at);
}

function present() {
  framesChanged.value;
  stageWidth.value;
  const wanted = state.frame.value;
  if (getFrame(wanted)) presented.value = wanted;
  else if (state.running.value && state.alongside.value && getFrame(arrived)) presented.value = arrived;
}

/** @param {HTMLCanvasElement} canvas */
function drawImage(canvas) {
  framesChanged.value;
  const bitmap = getFrame(presented.value);
  if (!bitmap && presented.value >= 0 && state.video.value) return;
  const context = prepare(canvas);
  if (!bitmap) return;
  const proxy = isProxy(presented.value);
  inPanes(context, (pane) => place(context, bitmap, pane, proxy));
  timing("studio:image", { frame: presented.value, proxy });
}

function wishMasks() {
  masksChanged.value;
  const size = state.video.value;
  if (!size || presented.value < 0) return;
  const width = stageWidth.value;
  paintMasks({
    frame: presented.value,
    view: state.view.value,
    opacity: state.opacity.value,
    width,
    height: Math.round((width * size.height) / size.width),
    layers: [
      ...state.objects.value.filter((object) => !object.hidden).map(({ id, colour }) => ({ id, colour })),
      ...(state.chosenObject.value ? [] : [{ id: NEW, colour: nextColour() }]),
    ],
    chosen: state.chosen.value,
  });
}

/** @param {HTMLCanvasElement} canvas */
function drawMasks(canvas) {
  const context = prepare(canvas);
  const current = painted.value;
  if (!current?.bitmap || current.frame !== presented.value || !state.masksShown.value) return;
  inPanes(context, (pane) => pane.masks && place(context, /** @type {ImageBitmap} */ (current.bitmap), pane));
  timing("studio:masks", { frame: current.frame, revision: current.revision });
}
