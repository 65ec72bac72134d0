/** Run-length codes of masks: runs over the rows, alternately outside and inside, starting with outside. */

/**
 * Write a mask's pixels and return the rectangle they lie in, or null for an empty mask.
 * @param {Uint32Array} runs
 * @param {number} width
 * @param {Uint8Array} pixels  of at least width * height, zeros
 * @returns {{left: number, top: number, right: number, bottom: number} | null} right and bottom are not included
 */
export function decode(runs, width, pixels) {
  let left = width;
  let right = 0;
  let top = -1;
  let bottom = 0;
  let at = 0;
  for (let i = 0; i < runs.length; i += 1) {
    const end = at + runs[i];
    if (i % 2 && end > at) {
      pixels.fill(1, at, end);
      const row = Math.floor(at / width);
      const lastRow = Math.floor((end - 1) / width);
      if (top < 0) top = row;
      bottom = lastRow + 1;
      left = lastRow > row ? 0 : Math.min(left, at - row * width);
      right = lastRow > row ? width : Math.max(right, end - row * width);
    }
    at = end;
  }
  return top < 0 ? null : { left, top, right, bottom };
}

/**
 * @param {number} count  pixels of the mask
 * @param {(pixel: number) => boolean} inside
 * @returns {{runs: number[], area: number}}
 */
export function encode(count, inside) {
  const runs = [];
  let within = false;
  let start = 0;
  let area = 0;
  for (let pixel = 0; pixel < count; pixel += 1) {
    const here = inside(pixel);
    if (here) area += 1;
    if (here !== within) {
      runs.push(pixel - start);
      start = pixel;
      within = here;
    }
  }
  runs.push(count - start);
  return { runs, area };
}

/**
 * The binary message of a mask; see docs/studio-protocol.md.
 * @param {ArrayBuffer} buffer
 */
export function readMask(buffer) {
  const head = new DataView(buffer);
  return {
    kind: head.getUint8(0),
    outdated: (head.getUint8(1) & 1) > 0,
    prompted: (head.getUint8(1) & 2) > 0,
    asked: (head.getUint8(1) & 12) > 0,
    undecided: (head.getUint8(1) & 16) > 0,
    newest: (head.getUint8(1) & 32) > 0,
    object: head.getUint32(4, true),
    frame: head.getUint32(8, true),
    revision: head.getUint32(12, true),
    width: head.getUint16(16, true),
    height: head.getUint16(18, true),
    seq: head.getUint32(20, true),
    runs: new Uint32Array(buffer, 24),
  };
}
