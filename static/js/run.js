/** Show the progress of a training run. */
import { follow } from "./follow.js";

const section = document.querySelector("[data-progress-url]");
const words = section.querySelector(".words");
const bar = section.querySelector("progress");
const chart = section.querySelector(".chart");

follow(section.dataset.progressUrl, (run) => {
  if (!run.active) return false;
  if (words.textContent !== run.words) words.textContent = run.words;
  bar.value = run.share;
  chart.hidden = !run.points;
  chart.querySelector("polyline").setAttribute("points", run.points);
  return true;
});
