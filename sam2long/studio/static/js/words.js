/** Numbers in words, small arithmetic, and marks for whoever measures the page. */

/** @param {number} value @param {number} least @param {number} most */
export const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

/** Time as 1:02:03.45; hours only where there are any. @param {number} seconds */
export function clock(seconds) {
  const hundredths = Math.floor(Math.max(0, seconds) * 100 + 1e-6);
  const parts = [Math.floor(hundredths / 6000) % 60, Math.floor(hundredths / 100) % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(hundredths / 360000);
  return `${hours ? `${hours}:` : ""}${parts[0]}:${parts[1]}.${String(hundredths % 100).padStart(2, "0")}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** A mark on the browser's time line; only the last of each name is kept. @param {string} name @param {object} detail */
export function timing(name, detail) {
  performance.clearMarks(name);
  performance.mark(name, { detail });
}
