import { note } from "./deletion.js";
import { bindKeys } from "./shortcuts.js";

const field = document.querySelector("#id_text");
const follow = (selector) => () => document.querySelector(selector)?.click();

bindKeys({
  E: () => {
    field?.focus();
    field?.select();
  },
  N: follow("#write-another"),
  ArrowLeft: follow("[rel=prev]"),
  ArrowRight: follow("[rel=next]"),
});

// The history page deletes the prediction, and lets the user undo it.
const deletion = document.querySelector("#delete");
if (deletion) {
  deletion.hidden = false;
  deletion.addEventListener("click", () => {
    note([Number(deletion.dataset.id)]);
    location.assign(deletion.dataset.historyUrl);
  });
}
