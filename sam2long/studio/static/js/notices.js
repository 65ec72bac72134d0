/** Short messages: errors to be read and put away, and words for screen readers. */
import { signal } from "../vendor/signals.js";

/** @type {import("../vendor/signals.js").Signal<{key: number, text: string}[]>} */
export const notices = signal([]);
export const spoken = signal("");
let key = 0;

/** @param {string} text */
export function notify(text) {
  const notice = { key: ++key, text };
  notices.value = [...notices.value.filter((other) => other.text !== text), notice].slice(-3);
  setTimeout(() => putAway(notice.key), 12_000);
}

/** @param {number} which */
export function putAway(which) {
  notices.value = notices.value.filter((notice) => notice.key !== which);
}

/** @param {string} text */
export function announce(text) {
  spoken.value = text;
}
