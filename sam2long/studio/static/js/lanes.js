/** Spans of frames with one state, in ascending order without overlap; what lies between is not yet visited. */

/** @typedef {import("./types.js").Span} Span */

/**
 * Lay a span over the others.
 * @param {Span[]} spans
 * @param {Span} added
 * @returns {Span[]}
 */
export function lay(spans, added) {
  const [first, last, state] = added;
  const from = place(spans, first);
  let to = from;
  /** @type {Span[]} */
  const instead = [];
  if (from < spans.length && spans[from][0] < first) instead.push([spans[from][0], first - 1, spans[from][2]]);
  instead.push([first, last, state]);
  while (to < spans.length && spans[to][0] <= last) {
    if (spans[to][1] > last) instead.push([last + 1, spans[to][1], spans[to][2]]);
    to += 1;
  }
  const start = Math.max(0, from - 1);
  const end = Math.min(spans.length, to + 1);
  return [...spans.slice(0, start), ...join([...spans.slice(start, from), ...instead, ...spans.slice(to, end)]), ...spans.slice(end)];
}

/**
 * Index of the first span that does not end before a frame.
 * @param {Span[]} spans
 * @param {number} frame
 */
export function place(spans, frame) {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle][1] < frame) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * State of an object on a frame.
 * @param {Span[] | undefined} spans
 * @param {number} frame
 * @returns {import("./types.js").SpanState | "unvisited"}
 */
export function stateAt(spans, frame) {
  const span = spans?.[place(spans, frame)];
  return span && span[0] <= frame ? span[2] : "unvisited";
}

/** @param {Span[]} spans */
function join(spans) {
  /** @type {Span[]} */
  const joined = [];
  for (const [first, last, state] of spans) {
    const before = joined.at(-1);
    if (before && before[2] === state && before[1] + 1 === first) before[1] = last;
    else joined.push([first, last, state]);
  }
  return joined;
}
