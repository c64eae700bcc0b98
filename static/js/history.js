/** Select predictions on a page of the history, and delete them with time to undo it. */
import { sendForm } from "./api.js";
import { forget, note, noted } from "./deletion.js";
import { bindKeys } from "./shortcuts.js";
import { gettext, interpolate, ngettext } from "./words.js";

const form = document.querySelector("#selection");
const every = document.querySelector("#every");
const undo = document.querySelector(".undo");
const card = (id) => document.querySelector(`#prediction-${id}`);
const ticks = () => [...document.querySelectorAll(".pictures li:not([hidden]) .tick input")];
const ticked = () => ticks().filter((tick) => tick.checked);
let pending; // { ids, timer }: a deletion that is not sent yet.

/** Show how many predictions are selected, and the actions if any are. */
function count() {
  const chosen = ticked().length;
  const all = ticks().length;
  form.classList.toggle("active", chosen > 0);
  form.querySelector(".count").textContent = chosen ? interpolate(ngettext("%(count)s selected", "%(count)s selected", chosen), { count: chosen }) : "";
  every.closest("label").hidden = all === 0;
  every.checked = chosen > 0 && chosen === all;
  every.indeterminate = chosen > 0 && chosen < all;
}

function tick(checked) {
  for (const box of ticks()) box.checked = checked;
  count();
}

function hide(ids, hidden) {
  for (const id of ids) {
    const item = card(id);
    if (!item) continue;
    item.hidden = hidden;
    item.querySelector(".tick input").checked = false;
  }
  if (form) count();
}

/** Show a message in place of the undo button. */
function tell(sentence) {
  undo.replaceChildren(sentence);
}

/** Hide predictions at once, and delete them when the time to undo is over. */
function remove({ ids, until }) {
  send();
  hide(ids, true);
  if (until <= Date.now()) {
    pending = { ids };
    send();
    return;
  }
  const again = document.createElement("button");
  again.type = "button";
  again.className = "link";
  again.textContent = gettext("Undo");
  again.addEventListener("click", restore);
  const words = ngettext("%(count)s prediction deleted.", "%(count)s predictions deleted.", ids.length);
  tell(`${interpolate(words, { count: ids.length })} `);
  undo.append(again);
  again.focus({ preventScroll: true });
  pending = { ids, timer: setTimeout(send, until - Date.now()) };
}

function restore() {
  const { ids, timer } = pending;
  clearTimeout(timer);
  pending = undefined;
  forget();
  tell("");
  hide(ids, false);
  (card(ids[0])?.querySelector(".tick input") ?? document.querySelector("main")).focus();
}

/** Send the pending deletion. The request continues even if the page is closed. */
async function send() {
  if (!pending) return;
  const { ids, timer } = pending;
  clearTimeout(timer);
  pending = undefined;
  note(ids, 0);
  if (undo.contains(document.activeElement)) document.querySelector("main").focus({ preventScroll: true });
  tell("");
  const data = new FormData();
  data.append("action", "delete");
  for (const id of ids) data.append("id", id);
  try {
    await sendForm(undo.dataset.selectedUrl, data);
  } catch (refusal) {
    forget();
    hide(ids, false);
    tell(interpolate(gettext("Not deleted. %(why)s"), { why: refusal.message }));
    return;
  }
  if (noted()?.ids.join() === ids.join()) forget();
  // Load the next predictions, or the note that there are none.
  if (form && !pending && ticks().length === 0) location.reload();
}

if (form) {
  form.classList.add("scripted");
  count();
  document.querySelector(".pictures").addEventListener("change", count);
  every.addEventListener("change", () => tick(every.checked));
  form.addEventListener("submit", (event) => {
    if (event.submitter?.value !== "delete") return;
    event.preventDefault();
    remove(note(ticked().map((box) => Number(box.value))));
  });
  bindKeys({
    Delete: () => ticked().length && form.querySelector("[value=delete]").click(),
    Escape: () => tick(false),
  });
}
addEventListener("pagehide", send);
const waiting = noted();
if (waiting) remove(waiting);
