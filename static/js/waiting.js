import { send } from "./api.js";

/** Numbers that were written without a network: they wait in this browser until they can be read. */
const NAME = "waiting";

function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(NAME, { keyPath: "place", autoIncrement: true });
  return answerOf(request);
}

async function use(mode, action) {
  const database = await open();
  try {
    return await answerOf(action(database.transaction(NAME, mode).objectStore(NAME)));
  } finally {
    database.close();
  }
}

function answerOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Keep a picture under its key; throws where the browser keeps nothing. */
export function keep(key, picture) {
  return use("readwrite", (store) => store.add({ key, picture }));
}

/** Return how many wait. */
export function count() {
  return use("readonly", (store) => store.count());
}

/**
 * Send what waits, the oldest first, and store each once. Returns what was read, or why it was refused, of each; what
 * cannot be sent now goes on waiting.
 */
export function sendWaiting(url) {
  // One page at a time, or two would tell of the same numbers.
  return navigator.locks.request(NAME, async () => {
    const answers = [];
    for (const { place, key, picture } of await use("readonly", (store) => store.getAll())) {
      try {
        answers.push(await send(url, picture, "draw", { key }));
      } catch (refusal) {
        if (refusal.mayPass) break;
        answers.push(refusal);
      }
      await use("readwrite", (store) => store.delete(place));
    }
    return answers;
  });
}
