/** Three hints at first start, each when it helps: before the first click, before following, and when there are doubtful frames. */
import { html } from "./html.js";
import { doubts, hello, hintsSeen, objects, running, writer } from "./state.js";

const HINTS = [
  ["Click on an object", html`Its mask appears at once. Right click, or hold Alt, on what does not belong to it. Hold Shift to preview.`],
  ["Let it be followed", html`Press <kbd class="key">F</kbd>. Masks appear as frames are decided. Stop at any time: everything is kept.`],
  ["Look where it doubts", html`<kbd class="key">N</kbd> leads to the frames that deserve a look. Correct one, and only what that touches is followed again.`],
];

export function Hint() {
  if (hintsSeen.value || !hello.value || !writer.value || running.value) return null;
  const marked = objects.value.some((object) => object.prompts.length);
  const step = doubts.value.length ? 2 : marked ? 1 : 0;
  const [title, text] = HINTS[step];
  return html`<aside class="hint" aria-label=${`Hint ${step + 1} of 3`}>
    <span class="number" aria-hidden="true">${step + 1}</span>
    <div><strong>${title}</strong><p>${text}</p></div>
    <button class="button quiet small" onClick=${() => (hintsSeen.value = true)}>${step === 2 ? "Got it" : "No hints"}</button>
  </aside>`;
}
