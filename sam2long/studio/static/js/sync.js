/** Takes in what the server says, and tells it which frame this tab shows. */
import { batch, effect } from "../vendor/signals.js";
import { forgetFrames, stageWidth } from "./frames.js";
import { lay } from "./lanes.js";
import { receiveMask, tellMasks } from "./masks.js";
import { readMask } from "./runs.js";
import { announce, notify } from "./notices.js";
import { connect, tell } from "./socket.js";
import * as state from "./state.js";

/** Whether the page has just been opened: it then chooses the first object. */
let fresh = true;
let showing = false;
let shown = "";

const handle = {
  /** @param {import("./types.js").Hello} message */
  hello(message) {
    const before = state.video.peek();
    tellMasks("forget");
    state.lanes.value = new Map();
    if (before?.key !== message.video.key) {
      forgetFrames();
      state.frame.value = Math.min(state.frame.peek(), message.video.frames - 1);
      state.windowed.value = [0, Math.max(1, message.video.frames - 1)];
      state.camera.value = { zoom: 1, x: message.video.width / 2, y: message.video.height / 2 };
    }
    state.hello.value = message;
    state.writer.value = message.writer;
    state.following.value = null;
    document.title = `${message.video.name} · sam2long studio`;
    showing = false;
    shown = "";
    show();
  },

  /** @param {import("./types.js").Session} message */
  state(message) {
    state.session.value = message;
    const ids = message.objects.map((object) => object.id);
    if (fresh && ids.length) state.chosen.value = ids[0];
    fresh = false;
    if (state.chosen.peek() !== null && !ids.includes(/** @type {number} */ (state.chosen.peek()))) state.chosen.value = ids[0] ?? null;
    state.lanes.value = new Map([...state.lanes.peek()].filter(([id]) => ids.includes(id)));
  },

  /** @param {{object: number, spans: import("./types.js").Span[]}} message */
  lane({ object, spans }) {
    state.lanes.value = new Map(state.lanes.peek()).set(object, spans);
  },

  /** @param {{object: number, first: number, last: number, revision: number}} message */
  changed({ object, first, last, revision }) {
    tellMasks("outdate", { object, first, last, revision });
    forgetAsked();
  },

  /** @param {import("./types.js").FrameInfo} message */
  frame(message) {
    tellMasks("only", { frame: message.frame, objects: message.objects.map((object) => object.id) });
    state.frameInfo.value = message;
    showing = false;
    show();
  },

  /** @param {{frame: number, state: "busy" | "ready"}} message */
  encoding(message) {
    state.encoding.value = message;
  },

  /** @param {import("./types.js").Following} message */
  following(message) {
    const before = state.following.peek()?.state;
    state.following.value = message;
    if (message.decided?.length) {
      const lanes = new Map(state.lanes.peek());
      for (const [object, first, last, kind] of message.decided) {
        lanes.set(object, lay(lanes.get(object) ?? [], [first, last, kind]));
        if (kind !== "undecided") settle(object, first, last);
      }
      state.lanes.value = lanes;
    }
    if (before !== message.state) spoken(message);
  },

  /** @param {{items: import("./types.js").Doubt[]}} message */
  doubts({ items }) {
    state.doubts.value = items;
    state.doubtAt.value = -1;
  },

  /** @param {import("./types.js").Exporting} message */
  export(message) {
    state.exporting.value = message;
  },

  /** @param {{at: number | null, message: string | null}} message */
  saved(message) {
    state.saved.value = message;
  },

  /** @param {{writer: boolean}} message */
  writer({ writer }) {
    state.writer.value = writer;
    announce(writer ? "This tab can edit now." : "Another tab edits now; this one only shows.");
  },

  /** @param {{message: string}} message */
  error({ message }) {
    notify(message);
    showing = false;
    show();
  },
};

/** @param {import("./types.js").Following} message */
function spoken({ state: now, message, frame }) {
  if (now === "running") announce("Following.");
  if (now === "ended") announce(`Followed to frame ${frame}.`);
  if (now === "stopped") announce(`Stopped at frame ${frame}. Everything so far is kept.`);
  if (now === "failed") notify(message ?? "Following stopped because of an error.");
}

/** Tell the server the shown frame; while it answers, only the latest is kept. */
function show() {
  const wish = `${state.frame.peek()} ${stageWidth.peek()}`;
  if (showing || shown === wish || !state.hello.peek() || state.playing.peek() || goingAlong()) return;
  showing = true;
  shown = wish;
  tell("show", { frame: state.frame.peek(), width: stageWidth.peek() });
}

/** Whether this tab shows each frame as it is visited; its masks come without asking. */
function goingAlong() {
  return state.running.peek() && state.alongside.peek();
}

/** @param {ArrayBuffer} buffer */
function binary(buffer) {
  const { newest, undecided, frame } = readMask(buffer);
  receiveMask(buffer);
  if (undecided) unsettled.add(Math.floor(frame / BLOCK));
  if (newest && goingAlong() && !state.playing.peek()) state.frame.value = frame;
}

/** Blocks of frames whose masks were asked for, for playback. @type {Set<number>} */
const asked = new Set();
/** Blocks of which undecided masks have come. @type {Set<number>} */
const unsettled = new Set();
const BLOCK = 32;

function forgetAsked() {
  asked.clear();
}

/** Forget masks from before a span was decided. @param {number} object @param {number} first @param {number} last */
function settle(object, first, last) {
  tellMasks("settle", { object, first, last });
  for (const block of unsettled) {
    if (block * BLOCK > last || (block + 1) * BLOCK <= first) continue;
    unsettled.delete(block);
    asked.delete(block);
  }
}

/** Ask for the masks around a frame that is being played. @param {number} frame */
export function wantMasks(frame) {
  const block = Math.floor(frame / BLOCK);
  const ahead = [block, block + 1].filter((one) => !asked.has(one) && one * BLOCK <= state.lastFrame.peek());
  if (!ahead.length) return;
  ahead.forEach((one) => asked.add(one));
  while (asked.size > 12) asked.delete(/** @type {number} */ (asked.values().next().value));
  tell("masks", { first: ahead[0] * BLOCK, last: Math.min(state.lastFrame.peek(), (ahead[ahead.length - 1] + 1) * BLOCK - 1) });
}

export function start() {
  connect({
    text: (message) => batch(() => handle[message.type]?.(message)),
    binary,
  });
  effect(() => {
    state.frame.value;
    stageWidth.value;
    state.playing.value;
    state.running.value;
    state.alongside.value;
    show();
  });
}
