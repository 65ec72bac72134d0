/** The dialog that imports masks from an image. */
import { useState } from "../vendor/hooks.js";
import * as actions from "./actions.js";
import { html } from "./html.js";
import * as state from "./state.js";
import { readMaskImage } from "./stroke.js";
import { Dot } from "./timeline.js";
import { counted } from "./words.js";

export function MaskDialog() {
  const [image, setImage] = useState(/** @type {Awaited<ReturnType<typeof readMaskImage>> | null} */ (null));
  const [problem, setProblem] = useState("");
  const object = state.chosenObject.value;
  const single = image?.parts.length === 1;
  const read = async (/** @type {any} */ event) => {
    const [file] = event.target.files;
    setImage(null);
    setProblem("");
    if (!file) return;
    try {
      const found = await readMaskImage(file);
      if (found.parts.length) setImage(found);
      else setProblem("The image is black everywhere: it marks no object.");
    } catch {
      setProblem("The browser cannot read this file as an image.");
    }
  };
  return html`<div class="dialog-body import">
    <p class="muted">A PNG of the video's shape: black is background, each other colour one object. It becomes a prompt on frame ${state.frame.value}.</p>
    <div class="field"><label for="mask-file">Mask image</label><input id="mask-file" class="input file" type="file" accept="image/png,image/*" onChange=${read} /></div>
    ${problem && html`<p class="outcome bad" role="alert">${problem}</p>`}
    ${image && shapeDiffers(image) && html`<p class="outcome warn">The image is ${image.width} × ${image.height} and not of the video's shape; it will be stretched.</p>`}
    ${image && html`<ul class="parts">${image.parts.map((part) => html`<li key=${part.colour} class="row"><${Dot} colour=${part.colour} />${counted(part.area, "pixel")}</li>`)}</ul>`}
    <div class="dialog-foot">
      <button class="button primary" disabled=${!image} onClick=${() => image && add(image, single ? object : null)}>
        ${!image || single ? (object ? `Use as the mask of ${object.name}` : "Add as a new object") : `Add ${image.parts.length} new objects`}
      </button>
    </div>
  </div>`;
}

/** @param {{width: number, height: number}} image */
function shapeDiffers({ width, height }) {
  const size = state.video.value;
  return Boolean(size) && Math.abs(width / height - /** @type {any} */ (size).width / /** @type {any} */ (size).height) > 0.01;
}

/** @param {Awaited<ReturnType<typeof readMaskImage>>} image @param {import("./types.js").StudioObject | null} object */
async function add({ width, height, parts }, object) {
  const frame = state.frame.value;
  state.dialog.value = null;
  for (const { runs } of parts) {
    if (!object) state.chosen.value = null;
    const id = await actions.target();
    if (id !== null) await actions.edit("mask", { frame, object: id, width, height, runs });
  }
}
