/** Show the progress of a batch. */
import { follow } from "./follow.js";
import { gettext } from "./words.js";

const section = document.querySelector("[data-batch-url]");
const words = section.querySelector(".words");
const state = section.querySelector(".state");
const bar = section.querySelector("progress");
const ACTIVE = { queued: gettext("Queued"), running: gettext("Running"), erasing: gettext("Deleting") };

function show(batch) {
  if (!ACTIVE[batch.state]) return false;
  state.textContent = ACTIVE[batch.state];
  if (words.textContent !== batch.words) words.textContent = batch.words;
  if (batch.state !== "erasing") bar.value = batch.read + batch.refused;
  return true;
}

follow(section.dataset.batchUrl, show, () => location.assign(section.dataset.batchesUrl));
