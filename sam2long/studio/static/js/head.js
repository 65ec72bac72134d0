/** The head of the page: which video, undo and redo, how masks are shown, whether all is saved. */
import * as actions from "./actions.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import * as state from "./state.js";
import { clock, counted } from "./words.js";

const VIEWS = /** @type {const} */ ([
  ["overlay", "Overlay"],
  ["outline", "Outline"],
  ["matte", "Matte"],
  ["cutout", "Cut-out"],
  ["side", "Side by side"],
]);

export function Head() {
  const { undo, redo } = state.session.value;
  const dark = state.theme.value === "dark";
  return html`<header class="head">
    <h1 class="brand"><${Icon} name="brand" /><span class="wide">sam2long</span></h1>
    <${VideoName} />
    <div class="divide"></div>
    <div class="group">
      <button class="button quiet icon-only" disabled=${!undo || !state.writer.value} onClick=${actions.undo} title="Undo (Ctrl Z)" aria-label="Undo"><${Icon} name="undo" /></button>
      <button class="button quiet icon-only" disabled=${!redo || !state.writer.value} onClick=${actions.redo} title="Redo (Ctrl Shift Z)" aria-label="Redo"><${Icon} name="redo" /></button>
    </div>
    <div class="spread"></div>
    <div class="segments" role="radiogroup" aria-label="View (M)">
      ${VIEWS.map(
        ([name, words]) => html`<button key=${name} class="button" role="radio" aria-checked=${state.view.value === name} onClick=${() => (state.view.value = name)}>${words}</button>`,
      )}
    </div>
    <label class="row" title="Opacity of the masks">
      <span class="visually-hidden">Opacity of the masks</span>
      <input type="range" min="0.1" max="1" step="0.05" value=${state.opacity.value} disabled=${!["overlay", "side"].includes(state.view.value)}
        onInput=${(/** @type {any} */ event) => (state.opacity.value = Number(event.target.value))} />
    </label>
    <button class="button quiet icon-only" aria-pressed=${!state.masksShown.value} onClick=${() => (state.masksShown.value = !state.masksShown.value)}
      title="Hide or show masks (H)" aria-label="Hide masks"><${Icon} name=${state.masksShown.value ? "eye" : "hidden"} /></button>
    <div class="spread"></div>
    <${Saved} />
    <div class="group">
      <button class="button quiet icon-only" onClick=${() => (state.theme.value = dark ? "light" : "dark")} title=${dark ? "Light theme" : "Dark theme"}
        aria-label=${dark ? "Light theme" : "Dark theme"}><${Icon} name=${dark ? "sun" : "moon"} /></button>
      <button class="button quiet icon-only" onClick=${() => (state.dialog.value = "help")} title="Help and shortcuts (?)" aria-label="Help and shortcuts"><${Icon} name="help" /></button>
    </div>
    <button class="button primary" onClick=${() => (state.dialog.value = "export")} title="Export (X)"><${Icon} name="export" />Export</button>
  </header>`;
}

function VideoName() {
  const video = state.video.value;
  if (!video) return html`<div class="video"></div>`;
  const about = `${video.width} × ${video.height}, ${counted(video.frames, "frame")}, ${clock(video.frames / (video.fps || 25))}`;
  return html`<div class="video" title=${`${video.name}: ${about}, ${state.hello.value?.model.name} on ${state.hello.value?.model.device}`}>
    <span class="ellipsis">${video.name}</span>
    <small class="ellipsis">${about}</small>
  </div>`;
}

function Saved() {
  const { at, message } = state.saved.value;
  if (message) return html`<span class="saved warn" title=${message}><${Icon} name="warning" />Not saved</span>`;
  if (at === null) return state.hello.value && html`<span class="saved" title="The newest work is not in the session file yet"><i class="spinner" />Saving</span>`;
  return html`<span class="saved" title=${`Saved in ${state.hello.value?.session}`}><${Icon} name="check" />Saved</span>`;
}
