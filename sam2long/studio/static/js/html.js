/** Templates: `html` makes virtual nodes from tagged templates, as JSX would. */
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export const html = htm.bind(h);
