/** Playing, stepping and following, above the timeline. */
import { useEffect, useLayoutEffect, useRef } from "../vendor/hooks.js";
import { batch, effect } from "../vendor/signals.js";
import * as actions from "./actions.js";
import { getFrame } from "./frames.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import * as state from "./state.js";
import { clamp, clock, counted, duration } from "./words.js";

export function Transport() {
  useEffect(() => effect(play), []);
  return html`<div class="transport">
    <div class="group">
      <button class="button quiet icon-only" onClick=${() => actions.go(0)} aria-label="First frame" title="First frame (Home)"><${Icon} name="first" filled /></button>
      <button class="button quiet icon-only" onClick=${() => actions.step(-1)} aria-label="One frame back" title="One frame back (←)"><${Icon} name="back" /></button>
      <button class="button icon-only" onClick=${actions.togglePlay} aria-label=${state.playing.value ? "Pause" : "Play"} title="Play or pause (Space)"><${Icon} name=${state.playing.value ? "pause" : "play"} filled=${!state.playing.value} /></button>
      <button class="button quiet icon-only" onClick=${() => actions.step(1)} aria-label="One frame on" title="One frame on (→)"><${Icon} name="next" /></button>
      <button class="button quiet icon-only" onClick=${() => actions.go(state.lastFrame.value)} aria-label="Last frame" title="Last frame (End)"><${Icon} name="last" filled /></button>
    </div>
    <${FrameNumber} />
    <${Marks} />
    <div class="spread"></div>
    <${Follow} />
  </div>`;
}

function FrameNumber() {
  const field = useRef(/** @type {any} */ (null));
  const frame = state.frame.value;
  const fps = state.video.value?.fps || 25;
  const info = state.frameInfo.value;
  const time = info?.frame === frame && info.time !== null ? info.time : frame / fps;
  // Frames may go by while somebody types a number.
  useLayoutEffect(() => { if (document.activeElement !== field.current) field.current.value = frame; });
  return html`<div class="frame-number">
    <label class="visually-hidden" for="frame-number">Frame</label>
    <input id="frame-number" class="input" inputmode="numeric" ref=${field} onKeyDown=${(/** @type {any} */ event) => {
      event.stopPropagation();
      if (event.key === "Escape") event.target.value = frame;
      if (event.key === "Enter" || event.key === "Escape") event.target.blur();
    }}
      onChange=${(/** @type {any} */ event) => {
        const wanted = Number(event.target.value);
        if (Number.isFinite(wanted)) actions.go(wanted);
      }}
      onBlur=${(/** @type {any} */ event) => { event.target.value = state.frame.value; }} />
    <span class="muted">of ${state.lastFrame.value.toLocaleString("en")}</span>
    <time>${clock(time)}</time>
  </div>`;
}

function Marks() {
  const [first, last] = [state.markIn.value, state.markOut.value];
  return html`<div class="group marks" role="group" aria-label="Range to follow">
    <button class="button quiet small" aria-pressed=${first !== null} onClick=${() => actions.mark("in")} title="First frame to follow (I)">In${first !== null && ` ${first}`}</button>
    <button class="button quiet small" aria-pressed=${last !== null} onClick=${() => actions.mark("out")} title="Last frame to follow (O)">Out${last !== null && ` ${last}`}</button>
    ${(first !== null || last !== null) && html`<button class="button quiet small icon-only" onClick=${() => actions.mark("clear")} aria-label="Clear both marks" title="Clear both marks (U)"><${Icon} name="close" /></button>`}
  </div>`;
}

function Follow() {
  const ready = state.writer.value && state.objects.value.some((object) => object.prompts.length && !object.locked);
  if (state.running.value) return html`<${Progress} />`;
  const ranged = state.markIn.value !== null || state.markOut.value !== null ? " within the marks" : "";
  return html`<div class="group">
    <${LastRun} />
    <button class="button" disabled=${!ready} onClick=${() => actions.follow("backward")} title=${`Follow backward${ranged} (R)`}><${Icon} name="backward" filled />Backward</button>
    <button class="button" disabled=${!ready} onClick=${() => actions.follow("both")} title=${`Follow both ways${ranged} (T)`}><${Icon} name="both" />Both</button>
    <button class=${`button ${ready ? "primary" : ""}`} disabled=${!ready} onClick=${() => actions.follow("forward")} title=${`Follow forward${ranged} (F)`}><${Icon} name="forward" filled />Follow</button>
  </div>`;
}

function LastRun() {
  const run = state.following.value;
  if (!run) return null;
  if (run.state === "failed") return html`<span class="warn ellipsis" title=${run.message}>${run.message}</span>`;
  if (run.state === "ended" && !run.done) return html`<span class="muted">Everything was up to date</span>`;
  return html`<span class="muted">${run.state === "stopped" ? "Stopped after" : "Followed"} ${counted(run.done, "frame")}</span>`;
}

function Progress() {
  const run = /** @type {import("./types.js").Following} */ (state.following.value);
  const part = clamp(run.total ? run.done / run.total : 0, 0, 1);
  const left = run.seconds_left === null ? "" : `, ${duration(run.seconds_left)} left`;
  return html`<div class="progress">
    <button class="button quiet small" aria-pressed=${state.alongside.value} onClick=${() => (state.alongside.value = !state.alongside.value)} title="Show each frame as it is decided">Watch</button>
    <div class="progress-words">
      <span>${run.state === "stopping" ? "Stopping" : run.direction === "backward" ? "Following backward" : "Following"}: ${run.done.toLocaleString("en")} of ${counted(run.total, "frame")}</span>
      <span class="muted">${run.frames_per_second ? `${run.frames_per_second.toFixed(1)} per second${left}` : "starting"}</span>
      <div class="bar" role="progressbar" aria-label="Following" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(part * 100)}>
        <i ref=${(/** @type {HTMLElement} */ bar) => bar && (bar.style.width = `${part * 100}%`)}></i>
      </div>
    </div>
    <button class="button danger" disabled=${run.state === "stopping" || !state.writer.value} onClick=${actions.stop} title="Stop; everything so far is kept (S)"><${Icon} name="stop" filled />Stop</button>
  </div>`;
}

/** Show frames by the clock; where they are late, the clock waits. */
function play() {
  if (!state.playing.value) return;
  const fps = state.video.peek()?.fps || 25;
  let handle = 0;
  let began = performance.now();
  let from = state.frame.peek();
  const tick = (/** @type {number} */ now) => {
    const last = state.lastFrame.peek();
    const due = Math.min(last, from + Math.floor(((now - began) / 1000) * fps));
    let next = state.frame.peek();
    for (let frame = due; frame > next; frame -= 1) if (getFrame(frame)) next = frame;
    if (due > next + 2) [began, from] = [now, next];
    batch(() => {
      state.frame.value = next;
      if (next >= last) state.playing.value = false;
    });
    handle = requestAnimationFrame(tick);
  };
  handle = requestAnimationFrame(tick);
  return () => cancelAnimationFrame(handle);
}
