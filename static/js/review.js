import { bindKeys } from "./shortcuts.js";
import { showLocally } from "./times.js";
import { gettext } from "./words.js";

const queue = document.querySelector("#queue");
let busy = false;

/** Replace this correction by the next one, or show why it cannot be loaded. */
async function show(address, options = {}) {
  if (busy) return;
  busy = true;
  try {
    const response = await fetch(address, { ...options, headers: { "X-Fragment": "correction" } });
    if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
    queue.innerHTML = await response.text();
    showLocally(queue);
  } catch {
    queue.querySelector(".said").textContent = gettext("The site cannot be reached. Check your connection, or reload the page.");
  } finally {
    busy = false;
  }
}

queue.addEventListener("submit", (event) => {
  const form = event.target;
  if ("whole" in form.dataset) return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  show(form.action, { method: "POST", body });
});

/** Zoom the picture to 2 ×, 4 × and back to 1 ×, around the point that was clicked. */
function zoom(x = 0.5, y = 0.5) {
  const frame = queue.querySelector(".zoomed");
  const now = Number(frame.dataset.zoom ?? 1);
  frame.dataset.zoom = now === 4 ? 1 : 2 * now;
  frame.scrollTo(x * frame.scrollWidth - frame.clientWidth / 2, y * frame.scrollHeight - frame.clientHeight / 2);
}

queue.addEventListener("click", (event) => {
  const picture = event.target.closest(".zoomed svg");
  if (picture) {
    const box = picture.getBoundingClientRect();
    zoom((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  } else if (event.target.closest("button[data-zoom]")) zoom();
});
// A box takes one digit: focus the next box.
queue.addEventListener("input", ({ target }) => {
  if (target.name === "label" && target.value) write(target.nextElementSibling ?? target);
});
queue.addEventListener("click", (event) => {
  const link = event.target.closest("[data-skip]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link.href);
});

function write(field) {
  field?.focus();
  field?.select();
}

const press = (key) => () => queue.querySelector(`[aria-keyshortcuts=${key}]`)?.click();
const begin = (digit) => () => {
  const field = queue.querySelector("#right");
  if (!field) return;
  field.value = digit;
  field.focus();
};

bindKeys({
  ...Object.fromEntries([..."ALNRUZ"].map((key) => [key, press(key)])),
  ...Object.fromEntries([..."0123456789"].map((digit) => [digit, begin(digit)])),
  T: () => write(queue.querySelector("#right")),
  E: () => {
    const boxes = queue.querySelector(".boxes");
    if (!boxes) return;
    boxes.open = true;
    write(boxes.querySelector("input"));
  },
});
