import { send } from "./api.js";

/** Drawings saved offline, kept in IndexedDB until they can be sent. */
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

/** Store a picture with its Idempotency-Key. Throws if the browser allows no storage. */
export function keep(key, picture) {
  return use("readwrite", (store) => store.add({ key, picture }));
}

/** Return how many drawings are stored. */
export function count() {
  return use("readonly", (store) => store.count());
}

/**
 * Send the stored drawings, oldest first. Returns a reading or a Refusal for each. Drawings that cannot be sent now stay
 * stored.
 */
export function sendWaiting(url) {
  // One tab at a time, so that two do not send and report the same drawings.
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
