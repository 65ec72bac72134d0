/** The export dialog: what to write, the command line that does the same, progress, and where the files are. */
import { useEffect, useRef, useState } from "../vendor/hooks.js";
import * as actions from "./actions.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { announce, notify } from "./notices.js";
import { ask } from "./socket.js";
import * as state from "./state.js";
import { clamp, counted } from "./words.js";

export function ExportDialog() {
  const formats = state.hello.value?.formats ?? [];
  const [picked, pick] = useState(/** @type {string[]} */ (formats.slice(0, 1).map(({ name }) => name)));
  const run = state.exporting.value;
  const busy = run?.state === "running";
  const some = state.lanes.value.size > 0;
  const command = useCommand(picked, some);
  const started = useRef(/** @type {string[] | null} */ (null));
  const able = some && picked.length > 0 && !busy && state.writer.value;
  const begin = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!able) return;
    started.current = picked;
    actions.edit("export", { formats: picked });
  };
  const flip = (/** @type {string} */ name) => pick(formats.map((format) => format.name).filter((other) => (other === name ? !picked.includes(name) : picked.includes(other))));
  return html`<form class="dialog-body export" tabindex="0" aria-label="What to export" onSubmit=${begin}>
    ${!some && html`<p class="empty small">There is nothing to export yet: mark an object and follow it first.</p>`}
    <fieldset class="formats" disabled=${busy}>
      <legend class="label">What to write</legend>
      ${formats.map(
        ({ name, what }) => html`<label key=${name} class="format">
          <input type="checkbox" checked=${picked.includes(name)} onChange=${() => flip(name)} />
          <span><strong>${name}</strong><span class="muted">${what}</span></span>
        </label>`,
      )}
    </fieldset>
    <div aria-live="polite" class="outcomes">${run && html`<${Outcome} run=${run} />`}</div>
    ${command && html`<${Command} text=${busy || (run && started.current === picked) ? run.command : command} />`}
    <div class="dialog-foot">
      ${busy
        ? html`<button type="button" class="button danger" onClick=${() => actions.edit("cancel_export")}><${Icon} name="stop" filled />Cancel</button>`
        : html`<button class="button primary" disabled=${!able} title="Export (Enter)"><${Icon} name="export" />Export</button>`}
    </div>
  </form>`;
}

/**
 * The command line for what is picked, from the server, which writes nothing for that.
 * @param {string[]} picked
 * @param {boolean} some  whether there is anything to export
 */
function useCommand(picked, some) {
  const [command, tell] = useState("");
  const able = some && picked.length > 0 && state.writer.value;
  useEffect(() => {
    let wanted = true;
    if (!able) tell("");
    else ask("export", { formats: picked, dry: true }).then((answer) => wanted && tell(answer.command), () => wanted && tell(""));
    return () => (wanted = false);
  }, [picked, able, state.exporting.value?.state]);
  return command;
}

/** @param {{text: string}} props */
function Command({ text }) {
  const copy = () => navigator.clipboard.writeText(text).then(() => announce("Copied."), () => notify("The browser did not allow copying."));
  return html`<div class="field">
    <span class="label">The command that does the same</span>
    <div class="command"><code tabindex="0">${text}</code><button type="button" class="button small icon-only" onClick=${copy} aria-label="Copy the command" title="Copy"><${Icon} name="copy" /></button></div>
  </div>`;
}

/** @param {{run: import("./types.js").Exporting}} props */
function Outcome({ run }) {
  const part = clamp(run.total ? run.done / run.total : 0, 0, 1);
  if (run.state === "running") {
    return html`<div class="field"><span>Writing ${run.done.toLocaleString("en")} of ${counted(run.total, "frame")}</span>
      <div class="bar" role="progressbar" aria-label="Export" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(part * 100)}>
        <i ref=${(/** @type {HTMLElement} */ bar) => bar && (bar.style.width = `${part * 100}%`)}></i>
      </div></div>`;
  }
  if (run.state === "done") {
    return html`<div class="outcome good"><${Icon} name="check" /><div><strong>${counted(run.files.length, "file")} in</strong> <code class="folder">${run.folder}</code>
      <ul class="files">${run.files.slice(0, 12).map((name) => html`<li key=${name}>${name}</li>`)}${run.files.length > 12 && html`<li>and ${run.files.length - 12} more</li>`}</ul></div></div>`;
  }
  if (run.state === "cancelled") return html`<p class="outcome">Cancelled. Nothing was left behind.</p>`;
  return html`<p class="outcome bad" role="alert"><${Icon} name="warning" />${run.message ?? "The export failed."}</p>`;
}
