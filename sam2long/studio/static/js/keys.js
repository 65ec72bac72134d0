/** Keyboard shortcuts: one table, read by the keyboard and shown by the help. */
import * as actions from "./actions.js";
import { chosen, crosshair, dialog, frame, lastFrame, masksShown, objects, tool, view } from "./state.js";

export const VIEWS = /** @type {const} */ (["overlay", "outline", "matte", "cutout", "side"]);

/**
 * @typedef {Object} Shortcut
 * @property {string[]} keys  what `describe` returns for the event
 * @property {string} shown  the keys in words
 * @property {string} does
 * @property {(key: string) => void} run
 */

/** @type {{title: string, shortcuts: Shortcut[]}[]} */
export const GROUPS = [
  {
    title: "Move through the video",
    shortcuts: [
      { keys: ["ArrowLeft", "ArrowRight"], shown: "← →", does: "one frame back or on", run: (key) => actions.step(key.endsWith("Left") ? -1 : 1) },
      { keys: ["Shift+ArrowLeft", "Shift+ArrowRight"], shown: "Shift ← →", does: "ten frames back or on", run: (key) => actions.step(key.endsWith("Left") ? -10 : 10) },
      { keys: ["Home", "End"], shown: "Home End", does: "first or last frame", run: (key) => actions.go(key === "Home" ? 0 : lastFrame.value) },
      { keys: [" "], shown: "Space", does: "play or pause", run: actions.togglePlay },
      { keys: ["n", "p"], shown: "N P", does: "next or previous doubtful frame", run: (key) => actions.goToDoubt(key === "n" ? 1 : -1) },
      { keys: ["j", "l"], shown: "J L", does: "previous or next prompt of the object", run: (key) => actions.goToPrompt(key === "l" ? 1 : -1) },
    ],
  },
  {
    title: "Mark objects",
    shortcuts: [
      { keys: [..."123456789"], shown: "1 … 9", does: "choose an object", run: (key) => actions.choose(objects.value[Number(key) - 1]?.id) },
      { keys: ["a"], shown: "A", does: "a new object", run: () => actions.choose(null) },
      { keys: ["c"], shown: "C", does: "click tool: left adds, right or Alt leaves out", run: () => (tool.value = "click") },
      { keys: ["b"], shown: "B", does: "box tool", run: () => (tool.value = "box") },
      { keys: ["d"], shown: "D", does: "brush", run: () => (tool.value = "brush") },
      { keys: ["e"], shown: "E", does: "eraser", run: () => (tool.value = "eraser") },
      { keys: ["[", "]"], shown: "[ ]", does: "smaller or larger brush", run: (key) => actions.resizeBrush(key === "[" ? -1 : 1) },
      { keys: ["k"], shown: "K", does: "crosshair: arrows move it, Enter adds, − leaves out", run: () => actions.toggleCrosshair() },
      { keys: ["Delete", "Backspace"], shown: "Delete", does: "remove the chosen prompt", run: () => actions.removeChosenPrompt() },
      { keys: ["Ctrl+z"], shown: "Ctrl Z", does: "undo", run: () => actions.undo() },
      { keys: ["Ctrl+Shift+z", "Ctrl+y"], shown: "Ctrl Shift Z", does: "redo", run: () => actions.redo() },
    ],
  },
  {
    title: "Follow",
    shortcuts: [
      { keys: ["f"], shown: "F", does: "follow forward", run: () => actions.follow("forward") },
      { keys: ["r"], shown: "R", does: "follow backward", run: () => actions.follow("backward") },
      { keys: ["t"], shown: "T", does: "follow both ways", run: () => actions.follow("both") },
      { keys: ["s"], shown: "S", does: "stop", run: () => actions.stop() },
      { keys: ["i", "o"], shown: "I O", does: "first or last frame to follow", run: (key) => actions.mark(key === "i" ? "in" : "out") },
      { keys: ["u"], shown: "U", does: "clear both marks", run: () => actions.mark("clear") },
    ],
  },
  {
    title: "Look",
    shortcuts: [
      { keys: ["h"], shown: "H", does: "hide or show masks", run: () => (masksShown.value = !masksShown.value) },
      { keys: ["m"], shown: "M", does: "next view", run: () => (view.value = VIEWS[(VIEWS.indexOf(view.value) + 1) % VIEWS.length]) },
      { keys: ["+", "=", "-"], shown: "+ −", does: "zoom in or out (wheel too; middle button pans)", run: (key) => actions.zoom(key === "-" ? 1 / 1.25 : 1.25) },
      { keys: ["0"], shown: "0", does: "whole frame", run: () => actions.zoom(0) },
      { keys: [","], shown: ", .", does: "zoom the timeline out or in", run: () => actions.zoomTimeline(2) },
      { keys: ["."], shown: "", does: "", run: () => actions.zoomTimeline(0.5) },
      { keys: ["x"], shown: "X", does: "export", run: () => (dialog.value = "export") },
      { keys: ["?"], shown: "?", does: "this list", run: () => (dialog.value = "help") },
      { keys: ["Escape"], shown: "Esc", does: "put away the crosshair or a drag", run: () => actions.escape() },
    ],
  },
];
