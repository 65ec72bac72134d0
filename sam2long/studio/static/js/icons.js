/** Icons, drawn on a 20 x 20 grid with strokes in the colour of the text. */
import { html } from "./html.js";

const PATHS = {
  brand: "M3 14.5c2.5-7 5-9.5 7-9.5s2 5 4 5 2.5-2.5 3-4.5M3 14.5h.01M17 5.5h.01",
  click: "M4 3.5l5 12 1.9-5.1L16 8.5zM11 11l5 5",
  box: "M3.5 6.5v-3h3M13.5 3.5h3v3M16.5 13.5v3h-3M6.5 16.5h-3v-3",
  brush: "M16.5 3.5c-4 2-7 5-8.5 7.5l1.5 1.5c3-1.5 6-4.5 7-9zM7.5 11.5c-2 0-2.5 1.5-2.5 3-.5.8-1.5 1-1.5 1 2 1.5 6 1 6-2",
  eraser: "M8.5 16.500h8M4 12.500l7-8 5.5 5-6 7h-3zM7.5 8.500l5.5 5",
  image: "M3.5 4.500h13v11h-13zM3.5 13l4-4 3 3 2-2 4 4M12.5 7.500h.01",
  crosshair: "M10 3v4M10 13v4M3 10h4M13 10h4M10 10h.01",
  undo: "M7 4L3.5 7.5 7 11M3.5 7.500h8a4.5 4.5 0 010 9H8",
  redo: "M13 4l3.5 3.500L13 11M16.5 7.500h-8a4.5 4.5 0 000 9H12",
  help: "M7.5 7.500a2.5 2.5 0 115 0c0 1.8-2.5 2-2.5 4M10 14.500h.01",
  sun: "M10 6.500a3.5 3.5 0 100 7 3.5 3.5 0 000-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.5 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100",
  moon: "M16.5 12A7 7 0 018 3.500a7 7 0 108.5 8.500z",
  export: "M10 3v9M6.5 6.500L10 3l3.5 3.500M3.5 12.500v4h13v-4",
  eye: "M2.5 10s2.8-5 7.5-5 7.5 5 7.5 5-2.8 5-7.5 5-7.5-5-7.5-5zM10 7.8a2.200 2.200 0 100 4.400 2.200 2.200 0 000-4.400z",
  hidden: "M4 4l12 12M8 5.300A7 7 0 0110 5c4.700 0 7.5 5 7.5 5a12 12 0 01-2.300 2.8M5.5 6.500A12 12 0 002.5 10s2.8 5 7.5 5a7 7 0 003-.7",
  lock: "M5.5 9h9v7.500h-9zM7 9V6.500a3 3 0 016 0V9",
  unlock: "M5.5 9h9v7.500h-9zM7 9V6a3 3 0 015.8-1",
  trash: "M4 5.500h12M8 5.500v-2h4v2M5.5 5.500l.7 11h7.600l.7-11M8.5 8.500v5M11.5 8.500v5",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  plus: "M10 4v12M4 10h12",
  close: "M5 5l10 10M15 5L5 15",
  check: "M4 10.500l4 4 8-9",
  play: "M6.5 4l9 6-9 6z",
  pause: "M7 4.500v11M13 4.500v11",
  stop: "M5.5 5.500h9v9h-9z",
  first: "M5 4.500v11M15.5 4.500l-7 5.5 7 5.500z",
  last: "M15 4.500v11M4.5 4.500l7 5.5-7 5.500z",
  back: "M12.5 5l-5 5 5 5",
  next: "M7.5 5l5 5-5 5",
  forward: "M3.5 4.500l6 5.5-6 5.500zM10.5 4.500l6 5.5-6 5.500z",
  backward: "M16.5 4.500l-6 5.5 6 5.500zM9.5 4.500l-6 5.5 6 5.500z",
  both: "M8 4.500L2.5 10 8 15.500M12 4.500l5.5 5.5-5.5 5.5",
  doubt: "M10 3.500l7.5 13h-15zM10 8.500v3.500M10 14h.01",
  warning: "M10 3.500l7.5 13h-15zM10 8.500v3.500M10 14h.01",
  minus: "M4 10h12",
  fit: "M3.5 7.500v-4h4M12.5 3.500h4v4M16.5 12.500v4h-4M7.5 16.500h-4v-4M7 7h6v6H7z",
  copy: "M7 7h9.500v9.500H7zM4 13H3.500V3.500H13V4",
  plug: "M7 3v4M13 3v4M5 7h10v2a5 5 0 01-10 0zM10 14v3.5",
};

/** @param {{name: keyof typeof PATHS, filled?: boolean}} props */
export function Icon({ name, filled }) {
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" fill=${filled ? "currentColor" : "none"}
    stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"><path d=${PATHS[name]} /></svg>`;
}
