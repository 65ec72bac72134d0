/** The tools at the left edge. */
import * as actions from "./actions.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import * as state from "./state.js";

const TOOLS = /** @type {const} */ ([
  ["click", "Click", "C", "left adds, right or Alt leaves out, hold Shift to preview"],
  ["box", "Box", "B", "drag around the object"],
  ["brush", "Brush", "D", "paint onto the mask"],
  ["eraser", "Eraser", "E", "paint away from the mask"],
]);

export function Tools() {
  const painting = state.tool.value === "brush" || state.tool.value === "eraser";
  return html`<nav class="tools" aria-label="Tools">
    <div role="radiogroup" aria-label="Tool" class="stack">
      ${TOOLS.map(
        ([name, words, key, how]) => html`<button key=${name} class="button" role="radio" aria-checked=${state.tool.value === name} aria-label=${words}
          title=${`${words} (${key}): ${how}`} onClick=${() => (state.tool.value = name)}><${Icon} name=${name} /></button>`,
      )}
    </div>
    ${painting &&
    html`<div class="brush-size" role="group" aria-label="Size of the brush">
      <button class="button small" onClick=${() => actions.resizeBrush(1)} aria-label="Larger" title="Larger ( ] )"><${Icon} name="plus" /></button>
      <output aria-label="Size in pixels">${state.brushSize.value}</output>
      <button class="button small" onClick=${() => actions.resizeBrush(-1)} aria-label="Smaller" title="Smaller ( [ )"><${Icon} name="minus" /></button>
    </div>`}
    <hr />
    <button class="button" aria-label="Import a mask" title="Import a mask from an image" disabled=${!state.writer.value} onClick=${() => (state.dialog.value = "mask")}><${Icon} name="image" /></button>
    <button class="button" aria-pressed=${state.crosshair.value !== null} aria-label="Keyboard crosshair" title="Crosshair for the keyboard (K)" onClick=${actions.toggleCrosshair}><${Icon} name="crosshair" /></button>
    <div class="spread"></div>
    <button class="button" aria-label="Zoom in" title="Zoom in (+, wheel)" onClick=${() => actions.zoom(1.25)}><${Icon} name="plus" /></button>
    <button class="button" aria-label="Zoom out" title="Zoom out (−)" onClick=${() => actions.zoom(0.8)} disabled=${state.camera.value.zoom === 1}><${Icon} name="minus" /></button>
    <button class="button" aria-label="Whole frame" title="Whole frame (0)" onClick=${() => actions.zoom(0)} disabled=${state.camera.value.zoom === 1}><${Icon} name="fit" /></button>
  </nav>`;
}
