/** The stage: three canvases, the surface the pointer works on, and what is said over the picture. */
import { useEffect, useRef } from "../vendor/hooks.js";
import { useComputed } from "../vendor/signals.js";
import { drawStage, loadingImage } from "./canvas.js";
import { frameError } from "./frames.js";
import { stageSize } from "./geometry.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import * as pointer from "./pointer.js";
import { drawPrompts } from "./prompts-layer.js";
import * as state from "./state.js";

export function Stage() {
  const root = useRef(null);
  const [image, masks, prompts] = [useRef(null), useRef(null), useRef(null)];
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => {
      stageSize.value = { width: Math.max(1, entry.contentRect.width), height: Math.max(1, entry.contentRect.height) };
    });
    watch.observe(root.current);
    const stops = [drawStage(image.current, masks.current), drawPrompts(prompts.current)];
    return () => {
      watch.disconnect();
      stops.forEach((stop) => stop());
    };
  }, []);
  const look = useComputed(() => {
    if (pointer.drag.value?.kind === "pan") return "panning";
    if (pointer.drag.value?.kind === "point") return "moving";
    return state.tool.value === "brush" || state.tool.value === "eraser" ? "painting" : "";
  });
  return html`<main class="stage" ref=${root} aria-label="Picture">
    <canvas ref=${image} id="image" aria-hidden="true"></canvas>
    <canvas ref=${masks} id="masks" aria-hidden="true"></canvas>
    <canvas ref=${prompts} id="prompts" aria-hidden="true"></canvas>
    <${Surface} look=${look} />
    <${Remarks} />
  </main>`;
}

/** @param {{look: import("../vendor/signals.js").ReadonlySignal<string>}} props */
function Surface({ look }) {
  const ref = useRef(null);
  useEffect(() => {
    // Preact listens passively to the wheel.
    ref.current.addEventListener("wheel", pointer.wheel, { passive: false });
  }, []);
  const label = `Frame ${state.frame.value}. Press K for a crosshair that marks objects by keyboard.`;
  return html`<div class=${`surface ${look.value}`} ref=${ref} tabindex="0" role="application" aria-label=${label}
    onPointerDown=${pointer.down} onPointerMove=${pointer.move} onPointerUp=${pointer.up} onPointerCancel=${pointer.cancel}
    onMouseDown=${keepFocusAway} onPointerLeave=${pointer.leave} onContextMenu=${(/** @type {Event} */ event) => event.preventDefault()}></div>`;
}

/** A click on the picture leaves no button or field focused, so that keys are shortcuts again. @param {MouseEvent} event */
function keepFocusAway(event) {
  event.preventDefault();
  /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
}

/** What is going on with the shown frame. */
function Remarks() {
  const failed = frameError.value?.frame === state.frame.value ? frameError.value.message : null;
  if (failed) {
    return html`<div class="stage-state" role="alert">
      <${Icon} name="warning" />
      <h2>Frame ${state.frame.value} cannot be shown</h2>
      <p>${failed}</p>
    </div>`;
  }
  const busy = state.encoding.value?.state === "busy" && state.encoding.value.frame === state.frame.value && !state.running.value;
  const passing = state.playing.value || (state.running.value && state.alongside.value);
  const here = state.frameInfo.value?.frame === state.frame.value ? state.frameInfo.value.objects.map((object) => object.state) : [];
  return html`<div class="remarks" aria-live="polite">
    ${loadingImage.value && !passing && html`<span class="remark late"><i class="spinner" />Loading frame ${state.frame.value}</span>`}
    ${busy && html`<span class="remark late"><i class="spinner" />Reading frame ${state.frame.value}. Clicks are taken and answered in a moment.</span>`}
    ${here.includes("outdated") && !state.running.value && html`<span class="remark"><${Icon} name="warning" />Hatched masks are outdated: follow again to renew them.</span>`}
    ${here.includes("undecided") && !state.running.value && html`<span class="remark">Not decided yet: following on may still change these masks.</span>`}
    ${!state.masksShown.value && html`<span class="remark"><${Icon} name="hidden" />Masks are hidden. H shows them.</span>`}
    ${state.crosshair.value && html`<span class="remark">Crosshair: arrows move it (Shift: finely), Enter ${toolWord()}, Esc puts it away.</span>`}
  </div>`;
}

function toolWord() {
  if (state.tool.value === "click") return "adds, − leaves out";
  if (state.tool.value === "box") return "sets each corner";
  return "starts and ends a stroke";
}
