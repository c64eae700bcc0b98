/**
 * Pending deletions, kept in the tab until the site has deleted them. A page that is left sends them; if that fails,
 * the next page of the history in this tab sends them again.
 */
const NAME = "deletion";
const TIME_TO_UNDO = 10_000; // ms

/** Store ids of predictions to delete. Returns {ids, until}: until is the time in ms until which undo works. */
export function note(ids, time = TIME_TO_UNDO) {
  const deletion = { ids, until: Date.now() + time };
  try {
    sessionStorage.setItem(NAME, JSON.stringify(deletion));
  } catch {
    // Storage is off: the deletion is lost if the page is closed.
  }
  return deletion;
}

/** Return the pending deletion, or null. */
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
    // Storage is off.
  }
}
