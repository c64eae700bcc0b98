/** Follow a batch: say how far it is. */
import { follow } from "./follow.js";

const section = document.querySelector("[data-batch-url]");
const words = section.querySelector(".words");
const state = section.querySelector(".state");
const bar = section.querySelector("progress");
const ACTIVE = { queued: "Queued", running: "Running" };

follow(section.dataset.batchUrl, (batch) => {
  if (!ACTIVE[batch.state]) return false;
  state.textContent = ACTIVE[batch.state];
  if (words.textContent !== batch.words) words.textContent = batch.words;
  bar.value = batch.read + batch.refused;
  return true;
});
