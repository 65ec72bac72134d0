/** Colours for new objects: those of Okabe and Ito, which colour-blind people tell apart, made brighter for use over video. */
import { objects } from "./state.js";

const COLOURS = ["#56b4e9", "#e69f00", "#f0e442", "#cc79a7", "#00c795", "#d55e00", "#9b8cff", "#ffffff"];

/** The first colour that no object has, or else the next in turn. */
export function nextColour() {
  const used = objects.value.map((object) => object.colour.toLowerCase());
  return COLOURS.find((colour) => !used.includes(colour)) ?? COLOURS[objects.value.length % COLOURS.length];
}
