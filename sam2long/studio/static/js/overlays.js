/** What lies over the page: errors, a lost connection, a tab that only shows. */
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { notices, putAway, spoken } from "./notices.js";
import { tell } from "./socket.js";
import * as state from "./state.js";

export function Notices() {
  return html`<div>
    <div class="visually-hidden" role="status" aria-live="polite">${spoken.value}</div>
    <div class="notices" role="alert">
      ${notices.value.map(
        ({ key, text }) => html`<div key=${key} class="notice"><${Icon} name="warning" /><span>${text}</span><button class="button quiet small icon-only" aria-label="Put away" onClick=${() => putAway(key)}><${Icon} name="close" /></button></div>`,
      )}
    </div>
  </div>`;
}

export function Banner() {
  if (state.connection.value === "lost" && state.hello.value) {
    return html`<div class="banner" role="alert"><i class="spinner" />The studio's server does not answer. Trying again; nothing that was saved is lost.</div>`;
  }
  if (state.connection.value === "open" && state.hello.value && !state.writer.value) {
    return html`<div class="banner" role="status"><${Icon} name="eye" />Another tab is editing. This one shows the same, and cannot change it.
      <button class="button small" onClick=${() => tell("take_over")}>Edit here instead</button></div>`;
  }
  return null;
}

/** Fills the page until there is a video. */
export function Curtain() {
  const words = {
    refused: ["This address has expired", "Open the address that the terminal printed when the studio started; it carries the key to this page."],
    lost: ["The studio's server does not answer", "Start it again with the same command. This page goes on by itself."],
  }[state.connection.value];
  if (state.connection.value === "refused" || !state.hello.value) {
    return html`<div class="curtain" role=${words ? "alert" : "status"}>
      ${words ? html`<${Icon} name="plug" />` : html`<i class="spinner" />`}
      <h2>${words ? words[0] : "Opening the video"}</h2>
      <p class="muted">${words ? words[1] : "The model is being loaded. This takes a few seconds."}</p>
    </div>`;
  }
  return null;
}
