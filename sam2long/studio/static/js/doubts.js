/** Where to look: the frames most worth checking, each with its reason. */
import { useEffect, useRef } from "../vendor/hooks.js";
import * as actions from "./actions.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import * as state from "./state.js";
import { Dot } from "./timeline.js";

export function Doubts() {
  const items = state.doubts.value;
  const at = state.doubtAt.value;
  const list = useRef(null);
  useEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [at]);
  return html`<section class="panel grow" aria-labelledby="doubts-title">
    <div class="panel-head">
      <h2 id="doubts-title">Where to look${items.length > 0 && html` <span class="count">${items.length}</span>`}</h2>
      <span class="spread"></span>
      <button class="button quiet small icon-only" disabled=${!items.length} onClick=${() => actions.goToDoubt(-1)} aria-label="Previous doubtful frame" title="Previous (P)"><${Icon} name="back" /></button>
      <button class="button quiet small icon-only" disabled=${!items.length} onClick=${() => actions.goToDoubt(1)} aria-label="Next doubtful frame" title="Next (N)"><${Icon} name="next" /></button>
    </div>
    ${!items.length && html`<p class="empty small">${nothing()}</p>`}
    <ol class="doubts" ref=${list}>
      ${items.map((item, index) => html`<${Doubt} key=${`${item.frame} ${item.object}`} item=${item} index=${index} current=${index === at} />`)}
    </ol>
  </section>`;
}

function nothing() {
  if (state.running.value) return "The doubtful frames are listed once following ends.";
  if (state.lanes.value.size && [...state.lanes.value.values()].some((spans) => spans.length > 1)) return "Nothing looks doubtful. A glance along the timeline is still worth it.";
  return "After following, the frames that deserve a look are listed here, each with its reason.";
}

/** @param {{item: import("./types.js").Doubt, index: number, current: boolean}} props */
function Doubt({ item, index, current }) {
  const object = state.objects.value.find((other) => other.id === item.object);
  return html`<li>
    <button class="doubt" aria-current=${current ? "true" : undefined} onClick=${() => actions.showDoubt(index)}>
      <span class="row"><${Dot} colour=${object?.colour ?? "#888888"} /><strong>Frame ${item.frame}</strong><span class="muted ellipsis">${object?.name}</span><span class="spread"></span>
        <span class="muted" title="Estimated chance that the mask is wrong">${Math.round(item.doubt * 100)}%</span></span>
      <span class="reason">${item.reason}</span>
    </button>
  </li>`;
}
