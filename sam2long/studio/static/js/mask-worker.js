/** Worker: keeps masks as runs, and paints all masks of a frame into one bitmap. */
import { paint } from "./mask-paint.js";
import { readMask } from "./runs.js";

const BUDGET = 64 * 2 ** 20;

/** @typedef {ReturnType<typeof readMask>} Mask */

/** Masks by frame, then object; the frames longest unused come first. @type {Map<number, Map<number, Mask>>} */
const frames = new Map();
let bytes = 0;
/** @type {Mask | null} */
let preview = null;
/** Number of the last preview that has been put away. */
let past = -1;

/** @param {Mask} mask */
function keep(mask) {
  const masks = frames.get(mask.frame) ?? new Map();
  const old = masks.get(mask.object);
  if (old && old.revision > mask.revision) return;
  if (old) bytes -= old.runs.byteLength;
  masks.set(mask.object, mask);
  bytes += mask.runs.byteLength;
  frames.delete(mask.frame);
  frames.set(mask.frame, masks);
  for (const frame of frames.keys()) {
    if (bytes <= BUDGET || frames.size < 2) break;
    drop(frame);
  }
}

/** @param {number} frame @param {number} [object] */
function drop(frame, object) {
  const masks = frames.get(frame);
  if (!masks) return;
  for (const [id, mask] of masks) {
    if (object !== undefined && id !== object) continue;
    bytes -= mask.runs.byteLength;
    masks.delete(id);
  }
  if (!masks.size) frames.delete(frame);
}

const jobs = {
  /** @param {{buffer: ArrayBuffer}} job */
  mask({ buffer }) {
    const mask = readMask(buffer);
    if (mask.kind !== 2) keep(mask);
    else if (mask.seq > past && !(preview && preview.seq > mask.seq)) preview = mask;
  },

  /** @param {{seq: number}} job */
  endPreview({ seq }) {
    preview = null;
    past = seq;
  },

  /**
   * Masks of a span that an edit made untrue: shown as outdated until new ones come.
   * @param {{object: number, first: number, last: number, revision: number}} job  the edit's revision
   */
  outdate({ object, first, last, revision }) {
    for (const [frame, masks] of frames) {
      const mask = masks.get(object);
      if (mask && mask.revision < revision && frame >= first && frame <= last) mask.outdated = true;
    }
  },

  /** A span has been decided: masks from before may be others. @param {{object: number, first: number, last: number}} job */
  settle({ object, first, last }) {
    for (const [frame, masks] of [...frames]) if (frame >= first && frame <= last && masks.get(object)?.undecided) drop(frame, object);
  },

  /** The objects that have a mask on a frame; others have none. @param {{frame: number, objects: number[]}} job */
  only({ frame, objects }) {
    for (const id of [...(frames.get(frame)?.keys() ?? [])]) if (!objects.includes(id)) drop(frame, id);
  },

  forget() {
    frames.clear();
    bytes = 0;
    preview = null;
  },

  /**
   * @param {{seq: number, frame: number, view: string, opacity: number, width: number, height: number,
   *   layers: {id: number, colour: string}[], chosen: number | null}} job
   */
  async paint({ seq, frame, layers, ...style }) {
    const held = frames.get(frame);
    if (held) {
      frames.delete(frame);
      frames.set(frame, held);
    }
    const shown = [];
    let newest = -1;
    for (const { id, colour } of layers) {
      const tried = preview?.frame === frame && preview.object === id ? preview : null;
      const mask = tried ?? held?.get(id);
      if (mask) shown.push({ mask, colour, preview: Boolean(tried), chosen: style.chosen === id });
      if (mask && mask.revision > newest) newest = mask.revision;
    }
    const { image, labels } = paint(shown, style);
    const bitmap = image && (await createImageBitmap(image));
    postMessage({ seq, frame, revision: newest, labels, bitmap }, { transfer: bitmap ? [bitmap] : [] });
  },
};

self.onmessage = (event) => jobs[event.data.job](event.data);
