/** Small pictures for the timeline, fetched when its window rests. */
import { signal } from "../vendor/signals.js";
import { video } from "./state.js";

const MOST = 240;
const AT_ONCE = 2;

/** Changes whenever a thumbnail arrives. */
export const thumbnailsChanged = signal(0);
/** By frame; null where it cannot be had. @type {Map<number, ImageBitmap | null>} */
const cache = new Map();
/** @type {number[]} */
let queue = [];
let loading = 0;
let key = "";

/** @param {number} frame */
export const getThumbnail = (frame) => cache.get(frame) ?? null;

/** Load thumbnails, in this order; earlier wishes are given up. @param {number[]} frames */
export function wantThumbnails(frames) {
  const current = video.peek()?.key ?? "";
  if (current !== key) {
    for (const bitmap of cache.values()) bitmap?.close();
    cache.clear();
    key = current;
  }
  queue = frames.filter((frame) => !cache.has(frame));
  pump();
}

function pump() {
  while (queue.length && loading < AT_ONCE && key) load(/** @type {number} */ (queue.shift()), key);
}

/** @param {number} frame @param {string} of */
async function load(frame, of) {
  loading += 1;
  let bitmap = null;
  try {
    const answer = await fetch(`thumbnails/${frame}?v=${of}`, { priority: "low" });
    if (answer.ok) bitmap = await createImageBitmap(await answer.blob());
  } catch {
    // The strip shows an empty place.
  }
  loading -= 1;
  if (of === key) {
    cache.set(frame, bitmap);
    for (const [old, held] of cache) {
      if (cache.size <= MOST) break;
      held?.close();
      cache.delete(old);
    }
    thumbnailsChanged.value += 1;
  }
  pump();
}
