/**
 * What the page shows. The first group mirrors the server's messages and is written by `sync.js` alone;
 * the second is where this tab looks: its frame, tool and view.
 */
import { computed, effect, signal } from "../vendor/signals.js";

/**
 * @template T
 * @typedef {import("../vendor/signals.js").Signal<T>} Signal
 */

/** @type {Signal<"connecting" | "open" | "lost" | "refused">} */
export const connection = signal("connecting");
/** @type {Signal<import("./types.js").Hello | null>} */
export const hello = signal(null);
/** @type {Signal<import("./types.js").Session>} */
export const session = signal({ revision: 0, objects: [], undo: 0, redo: 0 });
/** Spans of each object. @type {Signal<Map<number, import("./types.js").Span[]>>} */
export const lanes = signal(new Map());
/** @type {Signal<import("./types.js").FrameInfo | null>} */
export const frameInfo = signal(null);
/** @type {Signal<{frame: number, state: "busy" | "ready"} | null>} */
export const encoding = signal(null);
/** @type {Signal<import("./types.js").Following | null>} */
export const following = signal(null);
/** @type {Signal<import("./types.js").Doubt[]>} */
export const doubts = signal([]);
/** @type {Signal<import("./types.js").Exporting | null>} */
export const exporting = signal(null);
/** @type {Signal<{at: number | null, message: string | null}>} */
export const saved = signal({ at: null, message: null });
export const writer = signal(false);

export const frame = signal(0);
export const playing = signal(false);
/** Show the newest frame while following. */
export const alongside = signal(true);
/** @type {Signal<"click" | "box" | "brush" | "eraser">} */
export const tool = signal("click");
/** Diameter of brush and eraser in pixels of the screen. */
export const brushSize = signal(28);
/** Id of the object that edits go to; null for a new one. @type {Signal<number | null>} */
export const chosen = signal(null);
/** Index of the chosen click among the object's clicks on the frame. @type {Signal<number | null>} */
export const chosenPoint = signal(null);
/** Crosshair moved with the arrow keys, in pixels of the video; null while it is away. @type {Signal<{x: number, y: number} | null>} */
export const crosshair = signal(null);
/** Clicks sent and not yet answered. @type {Signal<{frame: number, object: number | null, x: number, y: number, label: number}[]>} */
export const pending = signal([]);

/** @type {Signal<"overlay" | "outline" | "matte" | "cutout" | "side">} */
export const view = kept("view", "overlay");
export const opacity = kept("opacity", 0.5);
export const masksShown = signal(true);
/** Zoom of the stage (1 fits the frame) and the pixel of the video at its middle. */
export const camera = signal({ zoom: 1, x: 0, y: 0 });

/** First and last frame to follow. @type {Signal<number | null>} */
export const markIn = signal(null);
/** @type {Signal<number | null>} */
export const markOut = signal(null);
/** First and last frame on the timeline. */
export const windowed = signal([0, 1]);
/** Place in the list of doubtful frames. */
export const doubtAt = signal(-1);

/** @type {Signal<null | "help" | "export" | "mask">} */
export const dialog = signal(null);
export const hintsSeen = kept("hintsSeen", false);
/** @type {Signal<"dark" | "light">} */
export const theme = kept("theme", matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");

export const video = computed(() => hello.value?.video ?? null);
export const objects = computed(() => session.value.objects);
export const lastFrame = computed(() => (video.value ? video.value.frames - 1 : 0));
export const chosenObject = computed(() => objects.value.find((object) => object.id === chosen.value) ?? null);
export const running = computed(() => following.value?.state === "running" || following.value?.state === "stopping");
/** Prompt of the chosen object on the shown frame. */
export const promptHere = computed(() => chosenObject.value?.prompts.find((prompt) => prompt.frame === frame.value) ?? null);

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

/**
 * A signal that this browser remembers.
 * @template T
 * @param {string} name
 * @param {T} initial
 * @returns {Signal<T>}
 */
function kept(name, initial) {
  const key = `sam2long.${name}`;
  let value = initial;
  try {
    value = JSON.parse(localStorage.getItem(key) ?? "null") ?? initial;
  } catch {
    // A browser without storage starts afresh each time.
  }
  const remembered = signal(value);
  effect(() => {
    const text = JSON.stringify(remembered.value);
    try {
      localStorage.setItem(key, text);
    } catch {
      // As above.
    }
  });
  return remembered;
}
