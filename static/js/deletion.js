/**
 * What is to be deleted is noted in the tab until the site has deleted it. A page that goes in the meantime sends it;
 * should that be lost, the next page of the history in this tab sends it again.
 */
const NAME = "deletion";
const TIME_TO_UNDO = 10_000; // ms

/** Note predictions to delete, by their ids, and return what is noted: the ids, and until when it can be undone. */
export function note(ids, time = TIME_TO_UNDO) {
  const deletion = { ids, until: Date.now() + time };
  try {
    sessionStorage.setItem(NAME, JSON.stringify(deletion));
  } catch {
    // Storage is off: this page alone knows of it.
  }
  return deletion;
}

/** Return what was noted, null where nothing was. */
export function noted() {
  try {
    const { ids, until } = JSON.parse(sessionStorage.getItem(NAME));
    return { ids: ids.map(Number), until: Math.min(until, Date.now() + TIME_TO_UNDO) };
  } catch {
    return null;
  }
}

export function forget() {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // Then nothing was noted.
  }
}
