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
let underWay; // { ids, timer }: a deletion that is not sent yet.

/** Show how many are selected, and what can be done with them. */
function count() {
  const chosen = ticked().length;
  const all = ticks().length;
  form.classList.toggle("active", chosen > 0);
  form.querySelector(".count").textContent = chosen ? interpolate(gettext("%(count)s selected"), { count: chosen }) : "";
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

/** Say something where the deletion was told; nothing takes it away. */
function tell(sentence) {
  undo.replaceChildren(sentence);
}

/** Hide predictions at once, and have them deleted once there is no more time to undo it. */
function remove({ ids, until }) {
  send();
  hide(ids, true);
  if (until <= Date.now()) {
    underWay = { ids };
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
  underWay = { ids, timer: setTimeout(send, until - Date.now()) };
}

function restore() {
  const { ids, timer } = underWay;
  clearTimeout(timer);
  underWay = undefined;
  forget();
  tell("");
  hide(ids, false);
  (card(ids[0])?.querySelector(".tick input") ?? document.querySelector("main")).focus();
}

/** Delete what waits for it. This goes on even if the page does not. */
async function send() {
  if (!underWay) return;
  const { ids, timer } = underWay;
  clearTimeout(timer);
  underWay = undefined;
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
  // What stood below moves up, and an empty page says so.
  if (form && !underWay && ticks().length === 0) location.reload();
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
