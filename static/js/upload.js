import { Refusal, sendWithProgress } from "./api.js";
import { percent, sureness } from "./confidence.js";

const MOST_BYTES = 10 * 1024 * 1024;
const AT_ONCE = 2;

const page = document.querySelector("#upload");
const list = document.querySelector("#uploads");
const status = document.querySelector("#upload-status");
const veil = document.querySelector("#veil");
const waiting = [];
let underWay = 0;

function take(files) {
  for (const file of files) waiting.push({ file, row: addRow(file) });
  work();
}

function work() {
  while (waiting.length && underWay < AT_ONCE) {
    underWay++;
    read(waiting.shift()).finally(() => {
      underWay--;
      work();
    });
  }
}

function addRow(file) {
  const row = document.querySelector("#upload-row").content.firstElementChild.cloneNode(true);
  const image = row.querySelector("img");
  const address = URL.createObjectURL(file);
  image.onload = () => URL.revokeObjectURL(address);
  image.onerror = () => {
    URL.revokeObjectURL(address);
    image.remove();
  };
  image.src = address;
  row.querySelector(".name").textContent = file.name;
  row.querySelector("progress").setAttribute("aria-label", `Sending ${file.name}`);
  list.prepend(row);
  return row;
}

async function read({ file, row }) {
  const progress = row.querySelector("progress");
  try {
    if (file.size > MOST_BYTES) throw new Refusal("The image is larger than 10 MB. Send a smaller one.");
    const reading = await sendWithProgress(page.dataset.predictionsUrl, file, "upload", (share) => {
      if (share < 1) progress.value = share;
      else progress.removeAttribute("value"); // All sent: now it is being read, for no known time.
    });
    showReading(row, reading);
  } catch (refusal) {
    row.classList.add("refused");
    row.querySelector(".outcome").textContent = refusal.message;
  }
}

function showReading(row, { id, text, confidence }) {
  const number = document.createElement("strong");
  number.textContent = text;
  const words = document.createElement("span");
  words.className = "quiet small";
  words.textContent = `${sureness(confidence)} · ${percent(confidence)}`;
  row.querySelector(".outcome").replaceChildren(number, words);
  const link = row.querySelector("a");
  link.href = page.dataset.pageUrl.replace("0", id);
  link.setAttribute("aria-label", `Look at the reading ${text}`);
  link.hidden = false;
}

for (const input of [document.querySelector("#choose"), document.querySelector("#camera")]) {
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // So that the same file can be chosen again.
  });
}

// Dragging fires enter and leave for every element passed: count them.
let depth = 0;
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragenter", (event) => {
  if (carriesFiles(event)) veil.hidden = !++depth;
});
addEventListener("dragleave", (event) => {
  if (carriesFiles(event)) veil.hidden = !(depth = Math.max(0, depth - 1));
});
addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  veil.hidden = true;
  depth = 0;
  take([...event.dataTransfer.files]);
});
addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length) take(files);
  else status.textContent = "There is no picture to paste.";
});
