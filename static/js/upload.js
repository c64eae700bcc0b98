import { adjust } from "./adjust.js";
import { newKey, Refusal, sendMany, sendWithProgress } from "./api.js";
import { onChosen } from "./chosen.js";
import { percent, sureness } from "./confidence.js";
import { cut, decode, shrink } from "./photo.js";
import { Sum } from "./upload-sum.js";
import { formatNumber, gettext, interpolate, ngettext } from "./words.js";

const MAX_BYTES = 10 * 1024 * 1024;
const ZIP = /\.zip$/i;
const MAX_UPLOADS = 2; // At the same time.
const WAITS = [2, 5, 15, 30]; // Seconds, before a picture is sent again to a site that is busy or slow.
const MAX_WAIT = 60;
// Reasons why nothing was read that a part of the picture, or another side up, may not have.
const CROPPED = ["no_ink", "not_a_number", "only_print", "no_paper", "too_faint", "too_many_pieces"];

const page = document.querySelector("#upload");
const sent = document.querySelector("#sent");
const list = document.querySelector("#uploads");
const status = document.querySelector("#upload-status");
const sum = new Sum(sent.querySelector(".sum"), status);
const adjustFirst = document.querySelector("#adjust-first");
const veil = document.querySelector("#veil");
const waiting = [];
let running = 0;

/** Send files in their order, above those that were sent before, and bring them into view. */
async function take(files) {
  const above = list.firstElementChild;
  let first;
  for (const file of files) {
    const taken = adjustFirst.checked && !ZIP.test(file.name) ? await adjusted(file) : file;
    if (!taken) continue;
    const row = newRow(taken);
    list.insertBefore(row, above);
    first ??= row;
    add({ file: taken, row });
  }
  if (first && first.getBoundingClientRect().bottom > innerHeight) sent.scrollIntoView();
}

function add(upload) {
  upload.key = newKey();
  sum.note(upload, "waiting");
  waiting.push(upload);
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

function newRow(file) {
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
    if (ZIP.test(file.name)) return await sendBatch(upload, "archive", onProgress);
    const smaller = await shrink(file, () => {
      progress.removeAttribute("value");
      tell(gettext("Shrinking…"));
    });
    if (smaller.size > MAX_BYTES) throw new Refusal(gettext("The image is larger than 10 MB. Send a smaller one."), 413);
    try {
      showReading(upload, await sendWithProgress(page.dataset.predictionsUrl, smaller, "upload", key, onProgress));
    } catch (refusal) {
      if (refusal.code !== "several_pages") throw refusal;
      await sendBatch(upload, "images", onProgress);
    }
  } catch (refusal) {
    const wait = waitAfter(refusal, (upload.tries = (upload.tries ?? 0) + 1));
    if (wait) {
      progress.removeAttribute("value");
      tell(gettext("The site is busy. Waiting…"));
      await new Promise((goOn) => setTimeout(goOn, wait * 1000));
      return read(upload);
    }
    sum.note(upload, "refused");
    row.classList.add("refused");
    row.querySelector(".outcome").textContent = refusal.message;
    if (refusal.mayPass) offerRetry(upload, progress);
    if (CROPPED.includes(refusal.code) && row.querySelector("img")) offerCrop(upload, progress);
  }
}

/** Return the seconds to wait before the same is sent once more, or 0 where nobody knows that it would help. */
function waitAfter({ mayPass, wait }, tries) {
  if (!mayPass || !navigator.onLine || tries > WAITS.length) return 0;
  return Math.min(MAX_WAIT, Math.max(wait || 0, WAITS[tries - 1]));
}

/** Send a zip, or a file of several pages, as a batch. Throws Refusal. */
async function sendBatch(upload, field, onProgress) {
  const { file, row, key } = upload;
  if (!page.dataset.batchesUrl) {
    offer(row, page.dataset.loginUrl, gettext("Log in"), interpolate(gettext("Log in to send %(name)s"), { name: file.name }));
    throw new Refusal(gettext("This file has several pictures. They are read as a batch, for which you need an account."), 401);
  }
  const batch = await sendMany(page.dataset.batchesUrl, field, [file], key, onProgress);
  const words = document.createElement("span");
  words.textContent = interpolate(ngettext("%(total)s picture is read as a batch.", "%(total)s pictures are read as a batch.", batch.total), { total: formatNumber(batch.total) });
  row.querySelector(".outcome").replaceChildren(words);
  sum.note(upload, "queued");
  offer(row, page.dataset.batchUrl.replace("0", batch.id), gettext("Open the batch"), interpolate(gettext("Open the batch %(name)s"), { name: file.name }));
}

function offerRetry(upload, progress) {
  const retry = upload.row.querySelector("[data-action=retry]");
  retry.hidden = false;
  retry.setAttribute("aria-label", interpolate(gettext("Send %(name)s again"), { name: upload.file.name }));
  retry.onclick = () => {
    upload.tries = 0;
    begin(upload, progress);
    sum.note(upload, "waiting");
    waiting.push(upload);
    work();
  };
}

/** Offer to have only a part of a picture read, in which nothing was found. */
function offerCrop(upload, progress) {
  const crop = upload.row.querySelector("[data-action=crop]");
  crop.hidden = false;
  crop.setAttribute("aria-label", interpolate(gettext("Crop or turn %(name)s"), { name: upload.file.name }));
  crop.onclick = async () => {
    const part = await adjusted(upload.file);
    crop.hidden = part === upload.file; // This browser cannot show it.
    if (!part || crop.hidden) return;
    upload.file = part;
    begin(upload, progress);
    add(upload);
  };
}

function begin({ row }, progress) {
  for (const button of row.querySelectorAll("button")) button.hidden = true;
  progress.value = 0;
  row.classList.remove("refused");
  const phase = document.createElement("span");
  phase.className = "phase quiet small";
  row.querySelector(".outcome").replaceChildren(progress, phase);
}

function showReading(upload, reading) {
  const { file, row } = upload;
  const { id, text, confidence, sure } = reading;
  sum.note(upload, sure ? "sure" : "unsure");
  const number = document.createElement("strong");
  number.textContent = text;
  number.classList.toggle("unsure", !sure);
  const words = document.createElement("span");
  words.className = "quiet small";
  const facts = [`${sureness(reading)} · ${percent(confidence)}`];
  if (file.type === "image/gif") facts.push(gettext("· the GIF's first frame"));
  words.textContent = facts.join(" ");
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

// What could not be sent without a network.
addEventListener("online", () => {
  for (const retry of list.querySelectorAll("[data-action=retry]:not([hidden])")) retry.click();
});

document.querySelector("#example").addEventListener("click", async ({ currentTarget }) => {
  const response = await fetch(currentTarget.dataset.url);
  if (response.ok) take([new File([await response.blob()], "example.jpg", { type: "image/jpeg" })]);
});

for (const input of [document.querySelector("#choose"), document.querySelector("#camera")]) onChosen(input, take);

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
