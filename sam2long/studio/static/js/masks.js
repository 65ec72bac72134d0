/** The page's side of the mask worker: one painted bitmap for the shown frame, newest wish first. */
import { signal } from "../vendor/signals.js";

const worker = new Worker(new URL("./mask-worker.js", import.meta.url), { type: "module" });

/** Counts what makes the shown masks look different. */
export const masksChanged = signal(0);
/**
 * The bitmap last painted, and where the numbers of the masks go.
 * @type {import("../vendor/signals.js").Signal<{frame: number, revision: number, bitmap: ImageBitmap | null,
 *   labels: {id: number, x: number, y: number}[]} | null>}
 */
export const painted = signal(null);

let busy = false;
/** @type {object | null} */
let wished = null;
let seq = 0;

/** @param {ArrayBuffer} buffer */
export function receiveMask(buffer) {
  worker.postMessage({ job: "mask", buffer }, [buffer]);
  masksChanged.value += 1;
}

/**
 * @param {"outdate" | "settle" | "only" | "forget" | "endPreview"} job
 * @param {object} [fields]
 */
export function tellMasks(job, fields = {}) {
  worker.postMessage({ job, ...fields });
  masksChanged.value += 1;
}

/**
 * Ask for the masks of a frame, painted; `painted` changes when they are. While one is being painted only the latest wish is kept.
 * @param {{frame: number, view: string, opacity: number, width: number, height: number, layers: {id: number, colour: string}[],
 *   chosen: number | null}} wish
 */
export function paintMasks(wish) {
  wished = wish;
  if (!busy) next();
}

function next() {
  busy = wished !== null;
  if (wished) worker.postMessage({ job: "paint", seq: ++seq, ...wished });
  wished = null;
}

worker.onmessage = ({ data }) => {
  painted.peek()?.bitmap?.close();
  painted.value = data;
  next();
};
