/** The frame of every dialog: the browser's own modal, with a title and a way out. */
import { useEffect, useRef } from "../vendor/hooks.js";
import { ExportDialog } from "./export.js";
import { HelpDialog } from "./help.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { MaskDialog } from "./import-mask.js";
import { dialog } from "./state.js";

const DIALOGS = {
  help: ["Help", HelpDialog],
  export: ["Export", ExportDialog],
  mask: ["Import a mask", MaskDialog],
};

export function Dialogs() {
  if (!dialog.value) return null;
  const [title, Body] = DIALOGS[dialog.value];
  return html`<${Frame} key=${dialog.value} title=${title}><${Body} /><//>`;
}

/** @param {{title: string, children: any}} props */
function Frame({ title, children }) {
  const ref = useRef(null);
  useEffect(() => {
    ref.current.showModal();
    ref.current.querySelector(".dialog").focus();
  }, []);
  return html`<dialog ref=${ref} aria-labelledby="dialog-title" onClose=${() => (dialog.value = null)}
    onClick=${(/** @type {MouseEvent} */ event) => event.target === ref.current && ref.current.close()}>
    <div class="dialog" tabindex="-1">
      <div class="dialog-head">
        <h2 id="dialog-title">${title}</h2>
        <button class="button quiet icon-only" onClick=${() => ref.current.close()} aria-label="Close" title="Close (Esc)"><${Icon} name="close" /></button>
      </div>
      ${children}
    </div>
  </dialog>`;
}
