/** What a person can do; every button and key ends here, and every edit goes to the server. */
import { batch } from "../vendor/signals.js";
import { nextColour } from "./colours.js";
import { tellMasks } from "./masks.js";
import { announce, notify } from "./notices.js";
import { ask, tell } from "./socket.js";
import * as state from "./state.js";
import { clamp, timing } from "./words.js";

/**
 * Send an edit and report a refusal.
 * @param {string} type
 * @param {object} [fields]
 */
export async function edit(type, fields = {}) {
  if (!state.writer.peek()) {
    notify("Another tab is editing. Take over to edit here.");
    return null;
  }
  try {
    return await ask(type, fields);
  } catch (error) {
    notify(/** @type {Error} */ (error).message);
    return null;
  }
}

/** How often the user has gone to a frame. */
let gone = 0;

/** @param {number} to */
export function go(to) {
  gone += 1;
  state.alongside.value = false;
  state.chosenPoint.value = null;
  state.frame.value = clamp(Math.round(to), 0, state.lastFrame.value);
}

/** @param {number} by */
export function step(by) {
  state.playing.value = false;
  go(state.frame.value + by);
}

export function togglePlay() {
  state.alongside.value = false;
  if (!state.playing.value && state.frame.value === state.lastFrame.value) state.frame.value = 0;
  state.playing.value = !state.playing.value;
}

/** @param {1 | -1} by */
export function goToDoubt(by) {
  const items = state.doubts.value;
  if (!items.length) {
    announce("No doubtful frames.");
    return;
  }
  showDoubt((state.doubtAt.value + by + (state.doubtAt.value < 0 && by < 0 ? 1 : 0) + items.length) % items.length);
}

/** @param {number} index */
export function showDoubt(index) {
  const item = state.doubts.value[index];
  batch(() => {
    state.playing.value = false;
    state.doubtAt.value = index;
    state.chosen.value = item.object;
    go(item.frame);
  });
  announce(`Frame ${item.frame}: ${item.reason}`);
}

/** @param {1 | -1} by */
export function goToPrompt(by) {
  const frames = (state.chosenObject.value?.prompts ?? []).map((prompt) => prompt.frame).sort((a, b) => a - b);
  const next = by > 0 ? frames.find((frame) => frame > state.frame.value) : frames.findLast((frame) => frame < state.frame.value);
  if (next !== undefined) go(next);
}

/** Choose the object that edits go to; null makes a new one with the next prompt. @param {number | null | undefined} id */
export function choose(id) {
  if (id === undefined) return;
  making = null;
  state.chosen.value = id;
  state.chosenPoint.value = null;
  const object = state.chosenObject.value;
  announce(object ? `${object.name} chosen.` : "The next prompt makes a new object.");
}

/** The chosen object's id, made if there is none. @returns {Promise<number | null>} */
export async function target() {
  const object = state.chosenObject.value;
  if (object?.locked) {
    notify(`${object.name} is locked. Unlock it to edit it.`);
    return null;
  }
  if (object) return object.id;
  const made = (making ??= edit("add_object", { colour: nextColour() }));
  const answer = await made;
  if (making === made) {
    // Nothing else was chosen meanwhile.
    making = null;
    if (answer) state.chosen.value = answer.object;
  }
  return answer?.object ?? null;
}
/** The object being made for a first prompt; further prompts wait for it. @type {Promise<any> | null} */
let making = null;

/** @param {number} x @param {number} y @param {0 | 1} label */
export async function click(x, y, label) {
  const frame = state.frame.value;
  timing("studio:click", { frame });
  const waiting = { frame, object: state.chosen.value, x, y, label };
  state.pending.value = [...state.pending.value, waiting];
  await prompt("click", { frame, x, y, label });
  state.pending.value = state.pending.value.filter((other) => other !== waiting);
}

/** @param {number[]} corners  x0, y0, x1, y1 in pixels of the video */
export function box(corners) {
  return prompt("box", { frame: state.frame.value, box: corners });
}

/** @param {{width: number, height: number, runs: number[]}} stroke @param {"add" | "erase"} how */
export function brush({ width, height, runs }, how) {
  return prompt("brush", { frame: state.frame.value, width, height, [how]: runs });
}

/** Prompts on their way to the server. @type {Set<Promise<void>>} */
const underway = new Set();

/** Send a prompt for the chosen object, which is made first if there is none. @param {string} type @param {object} fields */
async function prompt(type, fields) {
  const sent = target().then(async (object) => {
    if (object !== null) await edit(type, { ...fields, object });
  });
  underway.add(sent);
  await sent;
  underway.delete(sent);
}

/** @param {number} index @param {number} x @param {number} y */
export function movePoint(index, x, y) {
  return edit("move_point", { frame: state.frame.value, object: state.chosen.value, index, x, y });
}

/** @param {number} index */
export function removePoint(index) {
  state.chosenPoint.value = null;
  return edit("remove_point", { frame: state.frame.value, object: state.chosen.value, index });
}

export function removePrompt() {
  state.chosenPoint.value = null;
  return edit("remove_prompt", { frame: state.frame.value, object: state.chosen.value });
}

/** Remove the chosen click, or the last one, or the box or mask of the chosen object on this frame. */
export function removeChosenPrompt() {
  const prompt = state.promptHere.value;
  if (!prompt) return;
  const index = state.chosenPoint.value ?? prompt.points.length - 1;
  if (index >= 0) removePoint(index);
  else removePrompt();
}

/** @param {"undo" | "redo"} type */
async function travel(type) {
  if (!state.session.value[type]) {
    announce(`Nothing to ${type}.`);
    return;
  }
  const before = gone;
  const answer = await edit(type);
  if (!answer) return;
  // Whoever has gone on meanwhile is not called back.
  if (answer.frame !== null && answer.frame !== undefined && gone === before) go(answer.frame);
  announce(type === "undo" ? "Undone." : "Done again.");
}
export const undo = () => travel("undo");
export const redo = () => travel("redo");

/** @param {"forward" | "backward" | "both"} direction */
export async function follow(direction) {
  await Promise.all(underway);
  if (state.running.value) return;
  if (!state.objects.value.some((object) => object.prompts.length)) {
    notify("Mark an object first: click on it in the picture.");
    return;
  }
  state.playing.value = false;
  state.alongside.value = true;
  edit("follow", { direction, ...range(direction) });
}

/** The marked range, with what a single mark leaves open. @param {string} direction */
export function range(direction) {
  const [first, last] = [state.markIn.value, state.markOut.value];
  if (first === null && last === null) return {};
  return { first: first ?? (direction === "forward" ? undefined : 0), last: last ?? (direction === "backward" ? undefined : state.lastFrame.value) };
}

export function stop() {
  if (state.running.value) edit("stop");
}

/** @param {"in" | "out" | "clear"} which */
export function mark(which) {
  const here = state.frame.value;
  if (which === "clear") state.markIn.value = state.markOut.value = null;
  if (which === "in") {
    state.markIn.value = state.markIn.value === here ? null : here;
    if (state.markOut.value !== null && state.markOut.value < here) state.markOut.value = null;
  }
  if (which === "out") {
    state.markOut.value = state.markOut.value === here ? null : here;
    if (state.markIn.value !== null && state.markIn.value > here) state.markIn.value = null;
  }
}

/** @param {1 | -1} by */
export function resizeBrush(by) {
  state.brushSize.value = clamp(Math.round(state.brushSize.value * (by > 0 ? 1.25 : 0.8)), 4, 200);
}

/** Zoom the stage about its middle; 0 shows the whole frame. @param {number} factor */
export function zoom(factor) {
  const size = state.video.value;
  if (!size) return;
  const now = state.camera.value;
  const wanted = clamp(now.zoom * factor, 1, 32);
  state.camera.value = wanted === 1 ? { zoom: 1, x: size.width / 2, y: size.height / 2 } : { ...now, zoom: wanted };
}

/** Zoom the timeline about the shown frame, or another one. @param {number} factor @param {number} [about] */
export function zoomTimeline(factor, about = state.frame.value) {
  const [first, last] = state.windowed.value;
  const whole = Math.max(1, state.lastFrame.value);
  const span = clamp((last - first) * factor, Math.min(20, whole), whole);
  const start = clamp(about - ((about - first) / (last - first)) * span, 0, whole - span);
  state.windowed.value = [start, start + span];
}

export function toggleCrosshair() {
  const size = state.video.value;
  if (!size) return;
  state.crosshair.value = state.crosshair.value ? null : { x: size.width / 2, y: size.height / 2 };
  if (state.crosshair.value) /** @type {HTMLElement | null} */ (document.querySelector(".surface"))?.focus();
  announce(state.crosshair.value ? "Crosshair at the middle. Arrows move it, Enter adds, minus leaves out, Escape puts it away." : "Crosshair away.");
}

export function escape() {
  state.crosshair.value = null;
  state.chosenPoint.value = null;
}

let previewSeq = 0;
/**
 * Ask for the mask as it would be after a click; without a chosen object, that of a new one.
 * @param {number} x @param {number} y @param {0 | 1} label
 */
export function preview(x, y, label) {
  const object = state.chosenObject.value;
  if (object?.locked || !state.writer.value) return;
  tell("preview", { seq: ++previewSeq, frame: state.frame.value, object: object?.id ?? null, x, y, label });
}

/** Put the preview away, and those that are still on their way. */
export const endPreview = () => tellMasks("endPreview", { seq: previewSeq });
