/** Show the progress of deleting a history. */
import { follow } from "./follow.js";

const section = document.querySelector("[data-progress-url]");
const words = section.querySelector(".words");
const bar = section.querySelector("progress");

follow(section.dataset.progressUrl, (erasure) => {
  if (!erasure.active) return false;
  if (words.textContent !== erasure.words) words.textContent = erasure.words;
  bar.value = erasure.done;
  return true;
});
