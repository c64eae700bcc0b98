import { After } from "./after.js";
import { newKey, send, sendJSON } from "./api.js";
import "./digit-pad.js";
import { keepStrokes, keptStrokes } from "./kept-drawing.js";
import { ReadingView } from "./reading-view.js";
import { bindKeys } from "./shortcuts.js";
import { count, keep, sendWaiting } from "./waiting.js";
import { gettext, interpolate, ngettext } from "./words.js";

const SLOW_AFTER = 5000; // ms after which a message says that saving takes long.

const NOTHING = gettext("Nothing written yet.");
const OFFLINE = gettext("You are offline. Save the number, and it is read once you are connected.");

const page = document.querySelector("#draw");
const pad = page.querySelector("#sheet");
const { drawing, canvas } = pad;
const penWidth = page.querySelector("#pen-width");
const button = (action) => page.querySelector(`[data-action=${action}]`);

const view = new ReadingView(page);
const after = new After(page, correct);
let saving = false;
let saved = null; // The stored prediction of the current drawing.
let key = newKey();
let again = () => {};

function show(reading) {
  view.show(reading);
  after.offer(reading);
}

/** Show an error, with a retry button if a retry may help. */
function refuse(refusal, retry) {
  view.tell(navigator.onLine ? refusal.message : OFFLINE);
  again = retry;
  button("retry").hidden = !refusal.mayPass;
}

function update() {
  const held = document.activeElement;
  button("undo").disabled = !drawing.canUndo;
  button("redo").disabled = !drawing.canRedo;
  button("clear").disabled = drawing.isEmpty;
  button("save").disabled = drawing.isEmpty || saving;
  button("save").hidden = saved !== null;
  button("another").hidden = saved === null;
  // A hidden or disabled button loses the focus: move it to a usable element.
  if (held.disabled || held.hidden) (saved ? button("another") : pad).focus({ preventScroll: true });
}

function read() {
  saved = null;
  key = newKey();
  keepStrokes(drawing.strokes);
  button("retry").hidden = true;
  after.withdraw();
  resume();
}

/** Update the page for the current drawing, after a stroke or a cancelled stroke. */
function resume() {
  update();
  if (saved) view.show(saved);
  else if (drawing.isEmpty) view.tell(NOTHING);
  else view.read();
}

async function save() {
  if (drawing.isEmpty || saving || saved) return;
  const mine = key;
  saving = true;
  pad.stop();
  button("retry").hidden = true;
  update();
  const slow = setTimeout(() => view.tell(gettext("Still sending. The connection or the site is slow.")), SLOW_AFTER);
  try {
    const reading = await send(page.dataset.predictionsUrl, canvas.picture(), "draw", { key });
    if (key !== mine) return; // The drawing has changed since.
    saved = reading;
    keepStrokes([]);
    pad.show(reading);
    show(reading);
    after.save(page.dataset.pageUrl.replace("0", reading.id));
    view.say(gettext("Saved."));
  } catch (refusal) {
    if (key !== mine) return;
    if (navigator.onLine) refuse(refusal, save);
    else await wait(mine, refusal);
  } finally {
    clearTimeout(slow);
    saving = false;
    update();
  }
}

/** Store the drawing in this browser until it is online, and clear the drawing area. */
async function wait(mine, refusal) {
  try {
    await keep(mine, canvas.picture());
  } catch {
    refuse(refusal, save);
    return;
  }
  drawing.restore([]);
  await tellWaiting();
}

async function tellWaiting(words = []) {
  const waiting = await count().catch(() => 0);
  if (waiting) words.push(interpolate(ngettext("A number waits here until you are connected.", "%(waiting)s numbers wait here until you are connected.", waiting), { waiting }));
  page.querySelector(".waiting").hidden = !words.length;
  page.querySelector(".waiting-words").textContent = words.join(" ");
}

/** Send the drawings saved offline, and show their readings. */
async function readWaiting() {
  const answers = await sendWaiting(page.dataset.predictionsUrl).catch(() => []);
  const read = answers.filter((answer) => !(answer instanceof Error)).map(({ text }) => text.replaceAll("\n", " "));
  const refused = answers.filter((answer) => answer instanceof Error).map(({ message }) => message);
  await tellWaiting([...(read.length ? [interpolate(gettext("Read once you were connected: %(numbers)s."), { numbers: read.join(", ") })] : []), ...refused]);
}

/** Send a correction. Saves the drawing first if it is not saved. */
async function correct(text) {
  await save();
  if (!saved) return;
  try {
    await sendJSON(`${page.dataset.predictionsUrl}${saved.id}/flag/`, { text });
    after.thank(text);
    view.say(gettext("Thank you."));
  } catch (refusal) {
    view.say(refusal.message);
    after.tell(refusal.message);
  }
}

function writeAnother() {
  if (!saved) return;
  drawing.restore([]);
  pad.focus({ preventScroll: true });
}

function setPenWidth(width) {
  penWidth.value = width;
  canvas.penWidth = Number(penWidth.value);
}

function erase() {
  pad.erases = !pad.erases;
  button("erase").setAttribute("aria-pressed", pad.erases);
}

function retry() {
  button("retry").hidden = true;
  again();
}

/** Focus the drawing area after a tool was clicked, so that shortcuts work; not after a key press on the tool. */
function backToSheet(event) {
  if (event.detail > 0) pad.focus({ preventScroll: true });
}

const tools = { undo: () => drawing.undo(), redo: () => drawing.redo(), erase, clear: () => drawing.clear() };
const actions = { ...tools, save, another: writeAnother, retry };
for (const [name, action] of Object.entries(actions)) button(name).addEventListener("click", action);
for (const name of Object.keys(tools)) button(name).addEventListener("click", backToSheet);
penWidth.addEventListener("input", () => setPenWidth(penWidth.value));
bindKeys({
  "Ctrl+Z": actions.undo,
  "Ctrl+Shift+Z": actions.redo,
  "Ctrl+Y": actions.redo,
  "[": () => setPenWidth(canvas.penWidth - 2),
  "]": () => setPenWidth(canvas.penWidth + 2),
  E: erase,
  Delete: actions.clear,
  Escape: actions.clear,
  "Ctrl+S": save,
  Enter: save,
  N: writeAnother,
});
pad.addEventListener("pointerdown", () => {
  update();
  if (canvas.isDrawing && !pad.erases) view.read();
});
pad.addEventListener("reading", ({ detail }) => saved || show(detail));
pad.addEventListener("refusal", ({ detail }) => saved || refuse(detail, () => pad.read()));
canvas.addEventListener("penup", resume);
drawing.addEventListener("change", read);
setPenWidth(penWidth.value);
update();
addEventListener("online", readWaiting);
readWaiting();
navigator.serviceWorker?.register("/service-worker.js");
if (keptStrokes().length) drawing.restore(keptStrokes());
