import { sendMany } from "./api.js";

const section = document.querySelector("#send");
const words = section.querySelector(".words");
const bar = section.querySelector("progress");
const inputs = section.querySelectorAll("input");

function tell(sentence, refused = false) {
  words.textContent = sentence;
  words.classList.toggle("refused", refused);
}

async function send(field, files) {
  if (!files.length) return;
  for (const input of inputs) input.disabled = true;
  bar.hidden = false;
  bar.value = 0;
  tell("Sending…");
  try {
    const batch = await sendMany(section.dataset.batchesUrl, field, files, (share) => {
      if (share < 1) bar.value = share;
      else {
        bar.removeAttribute("value"); // All sent: now it is looked through, for no known time.
        tell("Looking it through…");
      }
    });
    location.assign(section.dataset.pageUrl.replace("0", batch.id));
  } catch (refusal) {
    tell(refusal.message, true);
    bar.hidden = true;
    for (const input of inputs) input.disabled = false;
  }
}

for (const input of inputs) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // So that the same file can be chosen again.
    send(input.id === "archive" ? "archive" : "images", files);
  });
}
