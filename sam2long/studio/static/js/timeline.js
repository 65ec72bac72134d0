/** The timeline: scrub on it, scroll to zoom, and see each object's lane. */
import { useEffect, useRef } from "../vendor/hooks.js";
import { effect, signal } from "../vendor/signals.js";
import * as actions from "./actions.js";
import { html } from "./html.js";
import * as state from "./state.js";
import { drawTimeline, frameAt, LANE, RULER, strip, STRIP } from "./timeline-draw.js";
import { wantThumbnails } from "./thumbnails.js";
import { clamp, clock } from "./words.js";

const ROWS = 5;
const REST = 150;

const width = signal(1);
const scroll = signal(0);

/** The lanes that fit; others are scrolled to. */
const rows = () => clamp(state.objects.value.length, 2, ROWS);

export function Timeline() {
  const canvas = useRef(null);
  const height = RULER + STRIP + rows() * LANE;
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => (width.value = Math.max(1, entry.contentRect.width)));
    watch.observe(canvas.current.parentElement);
    const stops = [effect(() => draw(canvas.current)), effect(askThumbnails), effect(keepInView)];
    return () => {
      watch.disconnect();
      stops.forEach((stop) => stop());
    };
  }, []);
  return html`<div class="timeline">
    <${Labels} height=${rows() * LANE} />
    <div class="sheet" ref=${(/** @type {HTMLElement} */ element) => element && (element.style.height = `${height}px`)}>
      <canvas ref=${canvas} aria-hidden="true"></canvas>
      <${Scrubber} />
    </div>
  </div>`;
}

/** @param {{height: number}} props */
function Labels({ height }) {
  const list = useRef(null);
  useEffect(() => {
    list.current.style.height = `${height}px`;
    scroll.value = Math.min(scroll.value, Math.max(0, state.objects.value.length * LANE - height));
  });
  return html`<div class="labels">
    <div class="legend muted">${state.objects.value.length ? "Objects" : "No objects yet"}</div>
    <ul ref=${list} onScroll=${() => (scroll.value = list.current.scrollTop)}>
      ${state.objects.value.map(
        (object) => html`<li key=${object.id} class=${object.id === state.chosen.value ? "chosen" : ""} onClick=${() => actions.choose(object.id)}>
          <${Dot} colour=${object.colour} /><span class="ellipsis">${object.name}</span>
        </li>`,
      )}
    </ul>
  </div>`;
}

/** A dot in an object's colour. @param {{colour: string}} props */
export function Dot({ colour }) {
  return html`<svg class="dot" viewBox="0 0 10 10" aria-hidden="true"><circle cx="5" cy="5" r="5" fill=${colour} /></svg>`;
}

function Scrubber() {
  const ref = useRef(null);
  useEffect(() => {
    ref.current.addEventListener("wheel", wheel, { passive: false });
  }, []);
  const scrub = (/** @type {PointerEvent} */ event) => actions.go(frameAt(event.offsetX, width.value));
  const fps = state.video.value?.fps || 25;
  return html`<div class="scrubber" ref=${ref} role="slider" tabindex="0" aria-label="Frame" aria-valuemin="0"
    aria-valuemax=${state.lastFrame.value} aria-valuenow=${state.frame.value}
    aria-valuetext=${`frame ${state.frame.value} of ${state.lastFrame.value}, ${clock(state.frame.value / fps)}`}
    onPointerDown=${(/** @type {PointerEvent} */ event) => {
      if (event.button !== 0) return;
      state.playing.value = false;
      ref.current.setPointerCapture(event.pointerId);
      const row = Math.floor((event.offsetY - RULER - STRIP + scroll.value) / LANE);
      if (event.offsetY > RULER + STRIP && state.objects.value[row]) actions.choose(state.objects.value[row].id);
      scrub(event);
    }}
    onPointerMove=${(/** @type {PointerEvent} */ event) => ref.current.hasPointerCapture(event.pointerId) && scrub(event)}></div>`;
}

/** @param {WheelEvent} event */
function wheel(event) {
  event.preventDefault();
  const [first, last] = state.windowed.value;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    const whole = Math.max(1, state.lastFrame.value);
    const by = (((event.deltaX || event.deltaY) / width.value) * (last - first)) / 2;
    const start = clamp(first + by, 0, Math.max(0, whole - (last - first)));
    state.windowed.value = [start, start + last - first];
  } else {
    actions.zoomTimeline(1.002 ** event.deltaY, frameAt(event.offsetX, width.value));
  }
}

/** @param {HTMLCanvasElement} canvas */
function draw(canvas) {
  state.theme.value;
  const dense = Math.min(2, devicePixelRatio || 1);
  const height = RULER + STRIP + rows() * LANE;
  const [wide, high] = [Math.round(width.value * dense), Math.round(height * dense)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const style = getComputedStyle(document.documentElement);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(dense, 0, 0, dense, 0, 0);
  drawTimeline({ context, width: width.value, height, scroll: scroll.value, ink: (name) => style.getPropertyValue(name) });
}

let rest = 0;
function askThumbnails() {
  const frames = strip(width.value).map(({ frame }) => frame);
  clearTimeout(rest);
  rest = setTimeout(() => wantThumbnails(frames), REST);
}

/** Move the window along when the shown frame leaves it. */
function keepInView() {
  const at = state.frame.value;
  const [first, last] = state.windowed.peek();
  if (at >= first && at <= last) return;
  const span = last - first;
  const start = clamp(at - span * (at > last ? 0.1 : 0.9), 0, Math.max(0, state.lastFrame.peek() - span));
  state.windowed.value = [start, start + span];
}
