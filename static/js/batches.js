import { newKey, sendMany } from "./api.js";
import { onChosen } from "./chosen.js";
import { gettext } from "./words.js";

const section = document.querySelector("#send");
const words = section.querySelector(".words");
const bar = section.querySelector("progress");
const inputs = section.querySelectorAll("input");

const retry = section.querySelector("[data-action=retry]");

function tell(sentence, refused = false) {
  words.textContent = sentence;
  words.classList.toggle("refused", refused);
}

function showShare(share) {
  if (share < 1) bar.value = share;
  else {
    bar.removeAttribute("value"); // All sent: the site checks the files, for an unknown time.
    tell(gettext("Checking…"));
  }
}

/** Send files. field: id of the input they were chosen in: archive, images or labelled. */
async function send(field, files, key) {
  for (const input of inputs) input.disabled = true;
  retry.hidden = true;
  bar.hidden = false;
  bar.value = 0;
  tell(gettext("Sending…"));
  try {
    const sender = field === "labelled" ? "import" : "page";
    const part = field === "images" ? "images" : "archive";
    const batch = await sendMany(section.dataset.batchesUrl, part, files, key, showShare, sender);
    location.assign(section.dataset.pageUrl.replace("0", batch.id));
  } catch (refusal) {
    tell(refusal.message, true);
    bar.hidden = true;
    for (const input of inputs) input.disabled = false;
    retry.hidden = !refusal.mayPass;
    retry.onclick = () => send(field, files, key);
  }
}

for (const input of inputs) onChosen(input, (files) => send(input.id, files, newKey()));
