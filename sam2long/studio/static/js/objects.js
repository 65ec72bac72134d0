/** The list of objects, and the prompts of the chosen one on the shown frame. */
import { useState } from "../vendor/hooks.js";
import * as actions from "./actions.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { stateAt } from "./lanes.js";
import * as state from "./state.js";

const HERE = { visible: "visible", hidden: "not in the picture", unsure: "doubtful", undecided: "not decided yet", outdated: "outdated", unvisited: "not visited" };

export function Objects() {
  const objects = state.objects.value;
  return html`<section class="panel grow" aria-labelledby="objects-title">
    <div class="panel-head">
      <h2 id="objects-title">Objects</h2>
      <span class="spread"></span>
      <button class="button small" aria-pressed=${state.chosen.value === null && objects.length > 0} disabled=${!state.writer.value}
        onClick=${() => actions.choose(null)} title="The next prompt makes a new object (A)"><${Icon} name="plus" />New</button>
    </div>
    ${objects.length === 0 &&
    state.hintsSeen.value &&
    html`<div class="empty">
      <p><strong>Nothing is marked yet.</strong></p>
      <p>Click on an object in the picture. Its mask appears at once.</p>
      <p>Then press <kbd class="key">F</kbd> and it is followed through the video.</p>
    </div>`}
    <ul class="objects">
      ${objects.map((object, index) => html`<${ObjectRow} key=${object.id} object=${object} index=${index} />`)}
      ${objects.length > 0 && state.chosen.value === null && html`<li class="object chosen new"><span class="chip">+</span><span class="muted">New: click on it in the picture</span></li>`}
    </ul>
  </section>`;
}

/** @param {{object: import("./types.js").StudioObject, index: number}} props */
function ObjectRow({ object, index }) {
  const [editing, setEditing] = useState(false);
  const chosen = object.id === state.chosen.value;
  const here = stateAt(state.lanes.value.get(object.id), state.frame.value);
  const set = (/** @type {object} */ fields) => actions.edit("set_object", { object: object.id, ...fields });
  return html`<li class=${`object ${chosen ? "chosen" : ""}`} data-object=${object.id}>
    <label class="chip" title="Change the colour" ref=${(/** @type {HTMLElement} */ element) => element?.style.setProperty("--colour", object.colour)}>
      ${index < 9 ? index + 1 : ""}
      <input type="color" value=${object.colour} aria-label=${`Colour of ${object.name}`} disabled=${!state.writer.value} onChange=${(/** @type {any} */ event) => set({ colour: event.target.value })} />
    </label>
    ${editing
      ? html`<input class="input name" value=${object.name} aria-label="Name" maxlength="60" ref=${(/** @type {any} */ input) => input && document.activeElement !== input && input.select()}
          onKeyDown=${(/** @type {any} */ event) => {
            event.stopPropagation();
            if (event.key === "Enter") event.target.blur();
            if (event.key === "Escape") setEditing(false);
          }}
          onBlur=${(/** @type {any} */ event) => {
            const name = event.target.value.trim();
            setEditing(false);
            if (name && name !== object.name) set({ name });
          }} />`
      : html`<button class="name" aria-pressed=${chosen} title=${`Choose (${index + 1}); double click or F2 renames`} onClick=${() => actions.choose(object.id)}
          onDblClick=${() => state.writer.value && setEditing(true)} onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "F2" && setEditing(true)}>
          <span class="ellipsis">${object.name}</span><small class="muted ellipsis">${HERE[here]}</small>
        </button>`}
    <${Switch} on=${object.hidden} icon=${object.hidden ? "hidden" : "eye"} label=${`Hide ${object.name}`} flip=${() => set({ hidden: !object.hidden })} />
    <${Switch} on=${object.locked} icon=${object.locked ? "lock" : "unlock"} label=${`Lock ${object.name}`} flip=${() => set({ locked: !object.locked })} />
    <button class="button quiet small icon-only" aria-label=${`Delete ${object.name}`} title="Delete (undo brings it back)" disabled=${!state.writer.value}
      onClick=${() => actions.edit("remove_object", { object: object.id })}><${Icon} name="trash" /></button>
  </li>`;
}

/** @param {{on: boolean, icon: any, label: string, flip: () => void}} props */
function Switch({ on, icon, label, flip }) {
  return html`<button class=${`button quiet small icon-only ${on ? "" : "faint"}`} aria-pressed=${on} aria-label=${label} title=${label} disabled=${!state.writer.value} onClick=${flip}><${Icon} name=${icon} /></button>`;
}

export function Prompts() {
  const object = state.chosenObject.value;
  const prompt = state.promptHere.value;
  if (!object) return null;
  return html`<section class="panel" aria-labelledby="prompts-title">
    <div class="panel-head">
      <h2 id="prompts-title" class="ellipsis">Prompts on frame ${state.frame.value}</h2>
      <span class="spread"></span>
      ${prompt && html`<button class="button quiet small" disabled=${!state.writer.value} onClick=${actions.removePrompt}>Remove all</button>`}
    </div>
    ${!prompt && html`<p class="empty small">${object.name} has none here. <${Elsewhere} object=${object} /></p>`}
    ${prompt &&
    html`<ul class="prompts">
      ${prompt.mask && html`<li><span class="row"><${Icon} name="brush" />Painted or imported mask</span></li>`}
      ${prompt.box && html`<li><span class="row"><${Icon} name="box" />Box at ${prompt.box.slice(0, 2).map(Math.round).join(", ")}, ${Math.round(prompt.box[2] - prompt.box[0])} × ${Math.round(prompt.box[3] - prompt.box[1])}</span></li>`}
      ${prompt.points.map(
        (point, index) => html`<li key=${index} class=${state.chosenPoint.value === index ? "chosen" : ""}>
          <button class="row name" aria-pressed=${state.chosenPoint.value === index} onClick=${() => (state.chosenPoint.value = index)}>
            <${Icon} name=${point.label ? "plus" : "minus"} />${point.label ? "Belongs to it" : "Left out"} at ${Math.round(point.x)}, ${Math.round(point.y)}
          </button>
          <button class="button quiet small icon-only" aria-label=${`Remove click ${index + 1}`} title="Remove (Delete)" disabled=${!state.writer.value} onClick=${() => actions.removePoint(index)}><${Icon} name="close" /></button>
        </li>`,
      )}
    </ul>`}
  </section>`;
}

/** @param {{object: import("./types.js").StudioObject}} props */
function Elsewhere({ object }) {
  const frames = object.prompts.map((prompt) => prompt.frame).sort((a, b) => a - b);
  if (!frames.length) return null;
  const shown = frames.slice(0, 4);
  return html`<span>On: ${shown.map((frame) => html`<button key=${frame} class="link" onClick=${() => actions.go(frame)}>${frame}</button> `)}${frames.length > 4 && `and ${frames.length - 4} more`}</span>`;
}
