/** Starts the page. */
import { render } from "../vendor/preact.js";
import { Dialogs } from "./dialogs.js";
import { Doubts } from "./doubts.js";
import { Head } from "./head.js";
import { Hint } from "./hints.js";
import { html } from "./html.js";
import { listen } from "./keyboard.js";
import { Objects, Prompts } from "./objects.js";
import { Banner, Curtain, Notices } from "./overlays.js";
import { Stage } from "./stage.js";
import { start } from "./sync.js";
import { Timeline } from "./timeline.js";
import { Tools } from "./tools.js";
import { Transport } from "./transport.js";

function Page() {
  return html`
    <${Head} />
    <${Tools} />
    <${Stage} />
    <aside class="side" aria-label="Objects and doubtful frames"><${Objects} /><${Hint} /><${Prompts} /><${Doubts} /></aside>
    <footer class="foot"><${Transport} /><${Timeline} /></footer>
    <${Banner} /><${Notices} /><${Curtain} /><${Dialogs} />
  `;
}

render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
listen();
start();
