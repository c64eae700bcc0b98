import { adjust } from "./adjust.js";
import { newKey, Refusal, sendMany, sendWithProgress } from "./api.js";
import { percent, sureness } from "./confidence.js";
import { cut, decode, shrink } from "./photo.js";
import { formatNumber, gettext, interpolate, ngettext } from "./words.js";

const MAX_BYTES = 10 * 1024 * 1024;
const ZIP = /\.zip$/i;
const MAX_UPLOADS = 2; // At the same time.

const page = document.querySelector("#upload");
const list = document.querySelector("#uploads");
const status = document.querySelector("#upload-status");
const adjustFirst = document.querySelector("#adjust-first");
const veil = document.querySelector("#veil");
const waiting = [];
let running = 0;

async function take(files) {
  for (const file of files) {
    const taken = adjustFirst.checked && !ZIP.test(file.name) ? await adjusted(file) : file;
    if (taken) waiting.push({ file: taken, row: addRow(taken), key: newKey() });
  }
  work();
}

/** Let the user crop or turn a picture. Returns the file to send, or null if cancelled. */
async function adjusted(file) {
  const picture = await decode(file);
  if (!picture) return file;
  const part = await adjust(picture, (part) => part);
  return part && cut(picture, part, file.name);
}

function work() {
  while (waiting.length && running < MAX_UPLOADS) {
    running++;
    read(waiting.shift()).finally(() => {
      running--;
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
  row.querySelector("progress").setAttribute("aria-label", interpolate(gettext("Sending %(name)s"), { name: file.name }));
  list.prepend(row);
  return row;
}

async function read(upload) {
  const { file, row, key } = upload;
  const progress = row.querySelector("progress");
  const tell = (words) => (row.querySelector(".phase").textContent = words);
  const onProgress = (share) => {
    if (share < 1) progress.value = share;
    else progress.removeAttribute("value"); // All sent: the site reads it, for an unknown time.
    tell(share < 1 ? gettext("Sending…") : gettext("Reading…"));
  };
  try {
    if (ZIP.test(file.name)) return await sendBatch(row, "archive", file, key, onProgress);
    const sent = await shrink(file, () => {
      progress.removeAttribute("value");
      tell(gettext("Shrinking…"));
    });
    if (sent.size > MAX_BYTES) throw new Refusal(gettext("The image is larger than 10 MB. Send a smaller one."));
    try {
      showReading(row, await sendWithProgress(page.dataset.predictionsUrl, sent, "upload", key, onProgress), file);
    } catch (refusal) {
      if (refusal.code !== "several_pages") throw refusal;
      await sendBatch(row, "images", file, key, onProgress);
    }
  } catch (refusal) {
    row.classList.add("refused");
    row.querySelector(".outcome").textContent = refusal.message;
    if (refusal.mayPass) offerRetry(upload, progress);
  }
}

/** Send a zip, or a file of several pages, as a batch. Throws Refusal. */
async function sendBatch(row, field, file, key, onProgress) {
  if (!page.dataset.batchesUrl) {
    offer(row, page.dataset.loginUrl, gettext("Log in"), interpolate(gettext("Log in to send %(name)s"), { name: file.name }));
    throw new Refusal(gettext("This file has several pictures. They are read as a batch, for which you need an account."), 401);
  }
  const batch = await sendMany(page.dataset.batchesUrl, field, [file], key, onProgress);
  const words = document.createElement("span");
  words.textContent = interpolate(ngettext("%(total)s picture is read as a batch.", "%(total)s pictures are read as a batch.", batch.total), { total: formatNumber(batch.total) });
  row.querySelector(".outcome").replaceChildren(words);
  offer(row, page.dataset.batchUrl.replace("0", batch.id), gettext("Open the batch"), interpolate(gettext("Open the batch %(name)s"), { name: file.name }));
}

function offerRetry(upload, progress) {
  const retry = upload.row.querySelector("[data-action=retry]");
  retry.hidden = false;
  retry.setAttribute("aria-label", interpolate(gettext("Send %(name)s again"), { name: upload.file.name }));
  retry.onclick = () => {
    retry.hidden = true;
    progress.value = 0;
    upload.row.classList.remove("refused");
    const phase = document.createElement("span");
    phase.className = "phase quiet small";
    upload.row.querySelector(".outcome").replaceChildren(progress, phase);
    waiting.push(upload);
    work();
  };
}

function showReading(row, { id, text, confidence, sure }, file) {
  const number = document.createElement("strong");
  number.textContent = text;
  number.classList.toggle("unsure", !sure);
  const words = document.createElement("span");
  words.className = "quiet small";
  const facts = [sure ? "" : gettext("Not sure."), `${sureness(confidence)} · ${percent(confidence)}`];
  if (file.type === "image/gif") facts.push(gettext("· the GIF's first frame"));
  words.textContent = facts.filter(Boolean).join(" ");
  row.querySelector(".outcome").replaceChildren(number, words);
  offer(row, page.dataset.pageUrl.replace("0", id), gettext("View"), interpolate(gettext("View the reading %(text)s"), { text }));
}

/** Show a link in a row. */
function offer(row, address, words, label) {
  const link = row.querySelector("a");
  link.href = address;
  link.textContent = words;
  link.setAttribute("aria-label", label);
  link.hidden = false;
}

document.querySelector("#example").addEventListener("click", async ({ currentTarget }) => {
  const response = await fetch(currentTarget.dataset.url);
  if (response.ok) take([new File([await response.blob()], "example.jpg", { type: "image/jpeg" })]);
});

for (const input of [document.querySelector("#choose"), document.querySelector("#camera")]) {
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // Without this, choosing the same file again fires no event.
  });
}

// Each element under the pointer fires dragenter and dragleave: count them to know when the drag leaves the page.
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
  else status.textContent = gettext("The clipboard has no picture.");
});
