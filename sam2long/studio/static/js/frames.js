/** Frames as bitmaps: fetched from the server, kept within a budget, the latest wish first. */
import { signal } from "../vendor/signals.js";
import { frame as shown, video } from "./state.js";

const BUDGET = 192 * 2 ** 20;
const AT_ONCE = 3;
const MOST_PROXIES = 24;
/** Milliseconds for which a proxy is shown at least: while the playhead is dragged, frames themselves are not asked for. */
const DRAGGED = 120;

/** Changes whenever a frame arrives. */
export const framesChanged = signal(0);
/** The frame that arrived last. */
export let arrived = -1;
/** Width in pixels that the stage needs. */
export const stageWidth = signal(1280);
/** Why the shown frame cannot be shown. @type {import("../vendor/signals.js").Signal<{frame: number, message: string} | null>} */
export const frameError = signal(null);

/** @type {Map<string, ImageBitmap>} */
const cache = new Map();
/** Small images of frames, shown until the frames themselves come. @type {Map<number, ImageBitmap>} */
const proxies = new Map();
/** @type {Map<string, AbortController>} */
const loading = new Map();
/** Frames being loaded ahead of need. @type {Set<string>} */
const early = new Set();
/** @type {number[]} */
let queue = [];
/** Whether several are loaded at once, as when frames pass by; otherwise the shown one has the server to itself. */
let together = false;
let bytes = 0;

/** @param {number} frame */
const keyOf = (frame) => `${frame}@${stageWidth.peek()}`;

/** @param {number} frame @returns {ImageBitmap | undefined} */
export function getFrame(frame) {
  const key = keyOf(frame);
  const bitmap = cache.get(key);
  if (bitmap) {
    cache.delete(key);
    cache.set(key, bitmap);
  }
  return bitmap ?? proxies.get(frame);
}

/** Whether only its proxy can be shown. @param {number} frame */
export const isProxy = (frame) => !cache.has(keyOf(frame));

/**
 * Load frames, most wanted first; earlier wishes that are not among them are given up.
 * @param {number[]} wanted
 * @param {boolean} patient  let what is on its way arrive, as when frames pass by
 */
export function wantFrames(wanted, patient = false) {
  together = patient;
  const keys = new Set(wanted.map(keyOf));
  for (const [key, control] of loading) {
    // What the server takes for less urgent is asked for again once it is shown.
    if ((!keys.has(key) && !patient) || (early.has(key) && key === keyOf(wanted[0]))) {
      control.abort();
      loading.delete(key);
      early.delete(key);
    }
  }
  queue = wanted.filter((frame) => !cache.has(keyOf(frame)) && !loading.has(keyOf(frame)));
  pump();
}

function pump() {
  while (queue.length && loading.size < (together ? AT_ONCE : 1)) load(/** @type {number} */ (queue.shift()));
}

/** @param {number} frame */
async function load(frame) {
  const ahead = frame !== shown.peek();
  if (!video.peek()) return;
  const [key, width] = [keyOf(frame), stageWidth.peek()];
  const control = new AbortController();
  loading.set(key, control);
  if (ahead) early.add(key);
  try {
    let answer = await request(frame, width, ahead ? "&ahead" : "&quick", control.signal);
    if (answer?.headers.get("x-proxy")) {
      keepProxy(frame, await createImageBitmap(await answer.blob()));
      tell(frame);
      await new Promise((resolve) => setTimeout(resolve, DRAGGED));
      answer = await request(frame, width, "", control.signal);
    }
    if (!answer) {
      again(frame);
      return;
    }
    keep(key, await createImageBitmap(await answer.blob()));
    if (frameError.peek()?.frame === frame) frameError.value = null;
    tell(frame);
  } catch (error) {
    if (!control.signal.aborted) frameError.value = { frame, message: /** @type {Error} */ (error).message };
  } finally {
    if (loading.get(key) === control) {
      loading.delete(key);
      early.delete(key);
    }
    pump();
  }
}

/**
 * Ask the server for a frame; null if it has newer wishes to fulfil.
 * @param {number} frame
 * @param {number} width  in pixels
 * @param {string} how
 * @param {AbortSignal} signal
 */
async function request(frame, width, how, signal) {
  const answer = await fetch(`frames/${frame}?width=${width}&v=${video.peek()?.key}${how}`, { signal });
  if (answer.status === 503) return null;
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 200) || `the server answered ${answer.status}`);
  return answer;
}

/** @param {number} frame */
function tell(frame) {
  arrived = frame;
  framesChanged.value += 1;
}

/** @param {number} frame @param {ImageBitmap} bitmap */
function keepProxy(frame, bitmap) {
  proxies.get(frame)?.close();
  proxies.delete(frame);
  proxies.set(frame, bitmap);
  for (const [old, held] of proxies) {
    if (proxies.size <= MOST_PROXIES) break;
    held.close();
    proxies.delete(old);
  }
}

/** The server was busy with newer wishes; ask once more for the frame that is shown. @param {number} frame */
function again(frame) {
  setTimeout(() => {
    if (frame === shown.peek() && !cache.has(keyOf(frame)) && !queue.includes(frame)) queue.unshift(frame);
    pump();
  }, 100);
}

/** @param {string} key @param {ImageBitmap} bitmap */
function keep(key, bitmap) {
  cache.set(key, bitmap);
  bytes += bitmap.width * bitmap.height * 4;
  for (const [old, held] of cache) {
    if (bytes <= BUDGET || cache.size < 2) break;
    bytes -= held.width * held.height * 4;
    held.close();
    cache.delete(old);
  }
}

/** Bitmaps are of another video or width: start afresh. */
export function forgetFrames() {
  for (const bitmaps of [cache, proxies]) {
    for (const bitmap of bitmaps.values()) bitmap.close();
    bitmaps.clear();
  }
  bytes = 0;
}
