/** The connection: sends commands, matches their answers, and reconnects when the server comes back. */
import { connection } from "./state.js";

/** @type {WebSocket | null} */
let socket = null;
let nextId = 1;
let failures = 0;
/** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void}>} */
const waiting = new Map();
/** @type {{text: (message: any) => void, binary: (buffer: ArrayBuffer) => void} | null} */
let handlers = null;

/** The server's own words on why it refused a command. */
export class Refused extends Error {}

/** @param {{text: (message: any) => void, binary: (buffer: ArrayBuffer) => void}} to */
export function connect(to) {
  handlers = to;
  open();
}

function open() {
  const address = new URL("ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.search = address.hash = "";
  socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    failures = 0;
    connection.value = "open";
  };
  socket.onmessage = (event) => {
    if (typeof event.data === "string") receive(JSON.parse(event.data));
    else handlers?.binary(event.data);
  };
  socket.onclose = closed;
}

/** @param {any} message */
function receive(message) {
  const entry = waiting.get(message.id);
  if (entry && (message.type === "done" || message.type === "error")) {
    waiting.delete(message.id);
    if (message.type === "done") entry.resolve(message);
    else entry.reject(new Refused(message.message));
  } else {
    handlers?.text(message);
  }
}

async function closed() {
  socket = null;
  for (const entry of waiting.values()) entry.reject(new Error("the connection was lost"));
  waiting.clear();
  failures += 1;
  connection.value = "lost";
  if (await forbidden()) connection.value = "refused";
  else setTimeout(open, Math.min(2000, 200 * 2 ** Math.min(failures, 4)));
}

/** Whether the server answers, but no longer knows this browser. */
async function forbidden() {
  try {
    return (await fetch(location.pathname, { method: "GET", cache: "no-store" })).status === 403;
  } catch {
    return false;
  }
}

/**
 * Send a command that needs no answer; lost without a connection.
 * @param {string} type
 * @param {object} [fields]
 */
export function tell(type, fields = {}) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type, ...fields }));
}

/**
 * Send a command and wait for its answer.
 * @param {string} type
 * @param {object} [fields]
 * @returns {Promise<any>}
 */
export function ask(type, fields = {}) {
  return new Promise((resolve, reject) => {
    if (socket?.readyState !== WebSocket.OPEN) {
      reject(new Error("the server is not connected"));
      return;
    }
    const id = nextId++;
    waiting.set(id, { resolve, reject });
    socket.send(JSON.stringify({ type, id, ...fields }));
  });
}
