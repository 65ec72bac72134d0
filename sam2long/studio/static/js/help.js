/** The help: all shortcuts, and what the timeline's signs mean. */
import { html } from "./html.js";
import { GROUPS } from "./keys.js";
import { hello } from "./state.js";

const SIGNS = [
  ["visible", "visible"],
  ["hidden", "not in the picture"],
  ["unsure", "doubtful"],
  ["undecided", "not decided yet: may change as following goes on"],
  ["outdated", "outdated by an edit: follow again"],
  ["unvisited", "not visited yet"],
  ["prompt", "a prompt"],
  ["doubt", "worth a look"],
];

export function HelpDialog() {
  return html`<div class="dialog-body help" tabindex="0" role="group" aria-label="Shortcuts and signs">
    <div class="shortcuts">
      ${GROUPS.map(
        ({ title, shortcuts }) => html`<section key=${title}>
          <h3>${title}</h3>
          <dl>
            ${shortcuts.filter(({ shown }) => shown).map(
              ({ shown, does }) => html`<div key=${shown}><dt>${shown.split(" ").map((key) => html`<kbd class="key">${key}</kbd>`)}</dt><dd>${does}</dd></div>`,
            )}
          </dl>
        </section>`,
      )}
    </div>
    <section>
      <h3>On the timeline</h3>
      <ul class="signs">${SIGNS.map(([sign, words]) => html`<li key=${sign}><${Sign} sign=${sign} />${words}</li>`)}</ul>
    </section>
    <p class="muted">sam2long ${hello.value?.version}. Everything is saved as you work, in <code>${hello.value?.session}</code>.</p>
  </div>`;
}

/** @param {{sign: string}} props */
function Sign({ sign }) {
  const drawings = {
    visible: html`<rect x="0" y="3" width="34" height="10" fill="#56b4e9" />`,
    hidden: html`<rect x="0" y="7" width="34" height="2" fill="#56b4e9" />`,
    unsure: html`<rect x="0" y="3" width="34" height="7" fill="#56b4e9" /><rect class="warn-fill" x="0" y="11" width="34" height="3" />`,
    undecided: html`<rect x="0" y="5.5" width="34" height="5" fill="#56b4e9" />`,
    outdated: html`<path class="hatch" d="M0 13l10-10M6 13l10-10M12 13l10-10M18 13l10-10M24 13l10-10" />`,
    unvisited: html`<path class="dots" d="M0 8h34" />`,
    prompt: html`<path d="M17 2l6 6-6 6-6-6z" fill="#fff" stroke="#15181c" stroke-width="1.5" />`,
    doubt: html`<path class="warn-fill" d="M11 4h12l-6 9z" />`,
  };
  return html`<svg class="sign" viewBox="0 0 34 16" aria-hidden="true">${drawings[sign]}</svg>`;
}
