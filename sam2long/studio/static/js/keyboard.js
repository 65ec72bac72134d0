/** Listens to the keyboard and runs the shortcut. */
import { GROUPS } from "./keys.js";
import { crosshairKey, endPreview, hover, previewAt } from "./pointer.js";
import { toVideo } from "./geometry.js";
import { dialog } from "./state.js";

/** @type {Map<string, (key: string) => void>} */
const table = new Map(GROUPS.flatMap(({ shortcuts }) => shortcuts.flatMap(({ keys, run }) => keys.map((key) => /** @type {const} */ ([key, run])))));

/** The key as the table names it; Shift counts only where it does not change the character. @param {KeyboardEvent} event */
function describe(event) {
  const letter = event.key.length === 1;
  const key = letter ? event.key.toLowerCase() : event.key;
  const command = event.ctrlKey || event.metaKey;
  return `${command ? "Ctrl+" : ""}${event.shiftKey && (!letter || command) ? "Shift+" : ""}${key}`;
}

/** Whether the key is for the element that has the focus. @param {KeyboardEvent} event */
function belongsElsewhere(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (dialog.value || event.altKey) return true;
  if (target.matches("input:not([type=range], [type=checkbox], [type=color]), select, textarea")) return true;
  if (target.matches("input[type=range]") && /^(Arrow|Home|End)/.test(event.key)) return true;
  return (event.key === " " || event.key === "Enter") && target.matches("button, label, input");
}

export function listen() {
  addEventListener("keydown", (event) => {
    if (event.key === "Shift" || event.key === "Alt") repreview(event.shiftKey, event.altKey);
    if (belongsElsewhere(event)) return;
    if (crosshairKey(event)) {
      event.preventDefault();
      return;
    }
    const key = describe(event);
    const run = table.get(key);
    if (!run) return;
    event.preventDefault();
    run(key.replace("Shift+", "").replace("Ctrl+", ""));
  });
  // A button that was clicked with the mouse gives the keyboard back.
  addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest?.("button");
    if (event.detail > 0 && button && !button.closest("dialog")) button.blur();
  });
  addEventListener("keyup", (event) => {
    if (event.key === "Shift") endPreview();
  });
}

/** @param {boolean} wanted @param {boolean} negative */
function repreview(wanted, negative) {
  if (hover.value) previewAt(toVideo(hover.value.x, hover.value.y), wanted, negative);
}
