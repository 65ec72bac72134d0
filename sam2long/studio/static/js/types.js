/**
 * Messages of the server, see docs/studio-protocol.md. This file holds types only.
 *
 * @typedef {{name: string, frames: number, fps: number, width: number, height: number, pixel_aspect: number, key: string}} Video
 * @typedef {{protocol: number, version: string, writer: boolean, video: Video, model: {name: string, device: string},
 *   formats: {name: string, what: string}[], palette: string[], session: string, limits: {message: number}}} Hello
 * @typedef {{x: number, y: number, label: 0 | 1}} Point
 * @typedef {{frame: number, points: Point[], box: number[] | null, mask: boolean}} Prompt
 * @typedef {{id: number, name: string, colour: string, hidden: boolean, locked: boolean, prompts: Prompt[]}} StudioObject
 * @typedef {{revision: number, objects: StudioObject[], undo: number, redo: number}} Session
 * @typedef {"visible" | "hidden" | "unsure" | "undecided" | "outdated"} SpanState
 * @typedef {[first: number, last: number, state: SpanState]} Span
 * @typedef {{frame: number, revision: number, time: number | null, objects: {id: number, state: SpanState | "unvisited",
 *   prompted: boolean, iou: number, object_score: number, disagreement: number}[]}} FrameInfo
 * @typedef {{state: "running" | "stopping" | "ended" | "stopped" | "failed", direction: string, first: number, last: number,
 *   frame: number, done: number, total: number, frames_per_second: number, seconds_left: number | null,
 *   message: string | null, decided: [object: number, first: number, last: number, state: SpanState][]}} Following
 * @typedef {{frame: number, time: number, object: number, doubt: number, reason: string}} Doubt
 * @typedef {{state: "running" | "done" | "cancelled" | "failed", done: number, total: number, folder: string,
 *   files: string[], command: string, message: string | null}} Exporting
 */
export {};
