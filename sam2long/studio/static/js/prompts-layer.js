/** Draws prompts, the pointer's tools and labels on the uppermost canvas. */
import { effect } from "../vendor/signals.js";
import { inPanes, prepare, presented } from "./canvas.js";
import { nextColour } from "./colours.js";
import { painted } from "./masks.js";
import * as state from "./state.js";
import { drag, hover } from "./pointer.js";
import { clamp } from "./words.js";

const RADIUS = 7;

/** @param {HTMLCanvasElement} canvas */
export function drawPrompts(canvas) {
  return effect(() => {
    const context = prepare(canvas);
    inPanes(context, (pane) => {
      if (!pane.masks) return;
      labels(context, pane);
      if (state.masksShown.value) for (const object of state.objects.value) if (!object.hidden) promptsOf(context, pane, object);
      for (const click of state.pending.value) if (click.frame === state.frame.value) point(context, pane, click, colourOf(click.object), { pending: true });
      dragged(context, pane);
      if (state.crosshair.value) cross(context, pane, state.crosshair.value);
    });
    brushRing(context);
  });
}

/** The number of each mask above it, so that masks are told apart without colour. @param {CanvasRenderingContext2D} context @param {import("./geometry.js").Pane} pane */
function labels(context, pane) {
  const size = state.video.value;
  const current = painted.value;
  if (!size || current?.frame !== presented.value || !state.masksShown.value || state.view.value === "matte" || state.view.value === "cutout") return;
  context.font = "700 11px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const { id, x, y } of current.labels) {
    const number = state.objects.value.findIndex((object) => object.id === id) + 1;
    if (!number) continue;
    const wide = number > 9 ? 24 : 18;
    const left = clamp(x * size.width * pane.scaleX + pane.x - wide / 2, pane.left, pane.left + pane.width - wide);
    const top = clamp(y * size.height * pane.scaleY + pane.y - 22, pane.top, pane.top + pane.height - 18);
    context.beginPath();
    context.roundRect(left, top, wide, 18, 5);
    context.fillStyle = colourOf(id);
    context.fill();
    context.fillStyle = "#0d0e10";
    context.fillText(String(number), left + wide / 2, top + 9.5);
  }
}

/** @param {number | null} id */
export function colourOf(id) {
  const object = state.objects.value.find((other) => other.id === id);
  return object?.colour ?? nextColour();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./geometry.js").Pane} pane
 * @param {import("./types.js").StudioObject} object
 */
function promptsOf(context, pane, object) {
  const prompt = object.prompts.find((other) => other.frame === state.frame.value);
  if (!prompt) return;
  const own = object.id === state.chosen.value;
  context.globalAlpha = own ? 1 : 0.55;
  if (prompt.box) rectangle(context, pane, prompt.box, object.colour);
  prompt.points.forEach((place, index) => {
    const moved = own && drag.value?.kind === "point" && drag.value.index === index;
    point(context, pane, moved ? /** @type {any} */ ({ ...drag.value.to, label: place.label }) : place, object.colour, {
      chosen: own && state.chosenPoint.value === index,
    });
  });
  context.globalAlpha = 1;
}

/**
 * A click: a disc with a plus or minus, so that the sign does not hang on colour.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./geometry.js").Pane} pane
 * @param {{x: number, y: number, label: number}} place
 * @param {string} colour
 * @param {{chosen?: boolean, pending?: boolean}} look
 */
function point(context, pane, { x, y, label }, colour, { chosen = false, pending = false }) {
  const [left, top] = [x * pane.scaleX + pane.x, y * pane.scaleY + pane.y];
  context.beginPath();
  context.arc(left, top, RADIUS, 0, 7);
  context.fillStyle = pending ? "rgb(13 14 16 / 55%)" : label ? colour : "#0d0e10";
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = label ? "#ffffff" : colour;
  if (pending) context.setLineDash([3, 3]);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(left - 3.5, top);
  context.lineTo(left + 3.5, top);
  if (label) {
    context.moveTo(left, top - 3.5);
    context.lineTo(left, top + 3.5);
  }
  context.strokeStyle = label && !pending ? "#0d0e10" : "#ffffff";
  context.stroke();
  if (!chosen) return;
  context.beginPath();
  context.arc(left, top, RADIUS + 4, 0, 7);
  context.strokeStyle = "#ffffff";
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./geometry.js").Pane} pane
 * @param {number[]} corners
 * @param {string} colour
 */
function rectangle(context, pane, [x0, y0, x1, y1], colour) {
  const rect = /** @type {const} */ ([x0 * pane.scaleX + pane.x, y0 * pane.scaleY + pane.y, (x1 - x0) * pane.scaleX, (y1 - y0) * pane.scaleY]);
  context.lineWidth = 4;
  context.strokeStyle = "rgb(0 0 0 / 60%)";
  context.strokeRect(...rect);
  context.lineWidth = 2;
  context.strokeStyle = colour;
  context.strokeRect(...rect);
}

/** @param {CanvasRenderingContext2D} context @param {import("./geometry.js").Pane} pane */
function dragged(context, pane) {
  const now = drag.value;
  const colour = colourOf(state.chosen.value);
  if (now?.kind === "box") rectangle(context, pane, [now.from.x, now.from.y, now.to.x, now.to.y], colour);
  if (now?.kind !== "stroke") return;
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = now.width * pane.scaleX;
  context.strokeStyle = now.how === "add" ? colour : "#ffffff";
  context.globalAlpha = 0.6;
  context.beginPath();
  now.points.forEach((at, i) => context[i ? "lineTo" : "moveTo"](at.x * pane.scaleX + pane.x, at.y * pane.scaleY + pane.y));
  if (now.points.length === 1) context.lineTo(now.points[0].x * pane.scaleX + pane.x, now.points[0].y * pane.scaleY + pane.y);
  context.stroke();
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context @param {import("./geometry.js").Pane} pane @param {{x: number, y: number}} at */
function cross(context, pane, at) {
  const [x, y] = [at.x * pane.scaleX + pane.x, at.y * pane.scaleY + pane.y];
  for (const [width, colour] of /** @type {const} */ ([[4, "rgb(0 0 0 / 70%)"], [1.5, "#ffffff"]])) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + dx * 5, y + dy * 5);
      context.lineTo(x + dx * 22, y + dy * 22);
    }
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context */
function brushRing(context) {
  const at = hover.value;
  if (!at || (state.tool.value !== "brush" && state.tool.value !== "eraser")) return;
  for (const [width, colour] of /** @type {const} */ ([[3, "rgb(0 0 0 / 60%)"], [1.5, "#ffffff"]])) {
    context.beginPath();
    context.arc(at.x, at.y, state.brushSize.value / 2, 0, 7);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.setLineDash(state.tool.value === "eraser" ? [4, 4] : []);
    context.stroke();
  }
  context.setLineDash([]);
}
