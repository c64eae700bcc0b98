import { send } from "./api.js";
import { Canvas } from "./canvas.js";
import { Drawing } from "./drawing.js";
import { drawWithKeys } from "./key-pen.js";
import { Preview } from "./preview.js";
import { ReadingView } from "./reading-view.js";
import { bindKeys } from "./shortcuts.js";

const page = document.querySelector("#draw");
const sheet = page.querySelector("#sheet");
const element = sheet.querySelector("canvas");
const marks = sheet.querySelector(".marks");
const penWidth = page.querySelector("#pen-width");
const button = (action) => page.querySelector(`[data-action=${action}]`);

const drawing = new Drawing();
const canvas = new Canvas(element, drawing);
const view = new ReadingView(page, marks);
const preview = new Preview({
  ask: async (signal) => send(page.dataset.previewUrl, await canvas.picture(), "draw", signal),
  onReading: (reading) => view.show(reading),
  onRefusal: (refusal) => view.tell(refusal.message),
});
let saving = false;

function update() {
  button("undo").disabled = !drawing.canUndo;
  button("redo").disabled = !drawing.canRedo;
  button("clear").disabled = drawing.isEmpty;
  button("save").disabled = drawing.isEmpty || saving;
  sheet.classList.toggle("has-ink", !drawing.isEmpty || canvas.isDrawing);
}

function read() {
  update();
  if (drawing.isEmpty) {
    preview.stop();
    view.tell("Nothing written yet.");
  } else {
    view.fade();
    preview.soon();
  }
}

async function save() {
  if (drawing.isEmpty || saving) return;
  saving = true;
  preview.stop();
  update();
  try {
    const { id } = await send(page.dataset.predictionsUrl, await canvas.picture(), "draw");
    location.href = page.dataset.pageUrl.replace("0", id);
  } catch (refusal) {
    view.tell(refusal.message);
  } finally {
    saving = false;
    update();
  }
}

function setPenWidth(width) {
  penWidth.value = width;
  canvas.penWidth = Number(penWidth.value);
}

const actions = { undo: () => drawing.undo(), redo: () => drawing.redo(), clear: () => drawing.clear(), save };
for (const [name, action] of Object.entries(actions)) button(name).addEventListener("click", action);
penWidth.addEventListener("input", () => setPenWidth(penWidth.value));
bindKeys({
  "Ctrl+Z": actions.undo,
  "Ctrl+Shift+Z": actions.redo,
  "Ctrl+Y": actions.redo,
  "[": () => setPenWidth(canvas.penWidth - 2),
  "]": () => setPenWidth(canvas.penWidth + 2),
  Delete: actions.clear,
  Escape: actions.clear,
  "Ctrl+S": save,
  Enter: save,
});
drawWithKeys(element, canvas, marks);
element.addEventListener("pointerdown", () => {
  preview.stop();
  update();
});
canvas.addEventListener("penup", read);
drawing.addEventListener("change", read);
canvas.addEventListener("resize", () => view.fit(canvas.page));
view.fit(canvas.page);
setPenWidth(penWidth.value);
update();
